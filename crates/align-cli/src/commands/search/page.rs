//! The HTML page of the hits: one file that refers to no other.

use super::queries::{Request, Subject};
use crate::indexed::ItemNames;
use crate::output::write_file;
use align_model::{AlignProcessor, RgbImage};
use align_search::Hit;
use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use std::fmt::{self, Display, Write as _};
use std::io::Write;
use std::path::Path;

/// The longer side of a thumbnail in pixels: twice the size on the page, for high-density screens.
const THUMBNAIL: u32 = 400;

/// The JPEG quality of thumbnails, at most 100.
const QUALITY: u8 = 82;

const HEAD: &str = include_str!("page.head.html");

/// Writes the page of all queries and their hits.
pub(super) fn write(
    path: &Path,
    processor: &AlignProcessor,
    names: &ItemNames<'_>,
    requests: &[Request],
    answers: &[Vec<Hit>],
) -> Result<()> {
    write_file(path, |out| {
        let title = match requests {
            [request] => request.to_string(),
            _ => format!("{} searches", requests.len()),
        };
        out.write_all(HEAD.replace("{title}", &Escaped(title).to_string()).as_bytes())?;
        for (request, hits) in requests.iter().zip(answers) {
            out.write_all(heading(processor, request).as_bytes())?;
            if hits.is_empty() {
                out.write_all(b"<p class=\"none\">Nothing was found.</p>\n")?;
            }
            out.write_all(b"<ol>\n")?;
            for hit in hits {
                let picture = match names.path(hit.row)? {
                    Some(path) => thumbnail(processor, &path),
                    None => String::new(),
                };
                let name = Escaped(names.name(hit.row)?);
                writeln!(
                    out,
                    "<li>{picture}<div class=\"name\" title=\"{name}\">{name}</div>\
                     <div class=\"score\"><meter min=\"0\" max=\"1\" value=\"{0:.4}\"></meter>\
                     {0:.4}</div></li>",
                    hit.score
                )?;
            }
            out.write_all(b"</ol>\n</section>\n")?;
        }
        out.write_all(b"</main>\n</body>\n</html>\n")?;
        Ok(())
    })
}

/// The query, with its images.
fn heading(processor: &AlignProcessor, request: &Request) -> String {
    let mut heading = "<section>\n<h2>".to_owned();
    for term in &request.terms {
        let sign = if term.weight < 0.0 { "minus" } else { "plus" };
        let _ = write!(heading, "<span class=\"term {sign}\">");
        if term.weight.abs() != 1.0 {
            let _ = write!(heading, "<b>{} &times;</b> ", term.weight.abs());
        }
        match &term.subject {
            Subject::Text(text) => {
                let _ = write!(heading, "{}", Escaped(text));
            }
            Subject::Image(path) => heading.push_str(&thumbnail(processor, path)),
        }
        heading.push_str("</span> ");
    }
    heading.push_str("</h2>\n");
    heading
}

/// An image element with a thumbnail of a file, or the reason why there is none.
fn thumbnail(processor: &AlignProcessor, path: &Path) -> String {
    let image = match processor.image_processor().open(path) {
        Ok(image) => image,
        Err(error) => return format!("<div class=\"broken\">{}</div>", Escaped(error)),
    };
    let (width, height) = fitted(image.width(), image.height());
    let small = resize(&image, width, height, FilterType::Triangle);
    let alt = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    format!(
        "<img src=\"data:image/jpeg;base64,{}\" width=\"{width}\" height=\"{height}\" alt=\"{}\">",
        STANDARD.encode(jpeg(&small)),
        Escaped(alt)
    )
}

/// The size of the thumbnail of an image. The aspect ratio is kept, and small images are not enlarged.
fn fitted(width: u32, height: u32) -> (u32, u32) {
    let longer = width.max(height).max(THUMBNAIL);
    let scaled = |side: u32| {
        // The result is at most THUMBNAIL, since no side is longer than `longer`.
        (u64::from(side) * u64::from(THUMBNAIL) / u64::from(longer)).max(1) as u32
    };
    (scaled(width), scaled(height))
}

fn jpeg(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    image.write_with_encoder(encoder).expect("a small image is written to memory");
    bytes
}

/// Text that is escaped for HTML, also within attributes.
struct Escaped<T>(T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_string().chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_no_markup() {
        let text = "<script>alert('a & \"b\"')</script>";
        let expected = "&lt;script&gt;alert(&#39;a &amp; &quot;b&quot;&#39;)&lt;/script&gt;";
        assert_eq!(Escaped(text).to_string(), expected);
    }

    #[test]
    fn thumbnails_fit_and_keep_their_shape() {
        assert_eq!(fitted(4000, 3000), (400, 300));
        assert_eq!(fitted(30, 4000), (3, 400));
        assert_eq!(fitted(1, 100_000), (1, 400));
        assert_eq!(fitted(72, 72), (72, 72));
        assert_eq!(fitted(u32::MAX, u32::MAX), (400, 400));
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        for reference in ["http:", "https:", "//", "@import", "url(", "<script", "<link"] {
            assert!(!HEAD.contains(reference), "{reference}");
        }
    }
}
