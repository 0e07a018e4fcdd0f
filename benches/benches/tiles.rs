//! Benchmarks of the AMX tile loop alone, for different places of its operands in memory.
//!
//! The loop multiplies two tiles by two, the only shape that the kernels use. The peak is that of tile products in
//! registers, measured by the same process. Without AMX nothing is measured.

#[cfg(target_arch = "x86_64")]
fn main() {
    use align_benches::Bench;
    use align_tensor::{Isa, IsaName};
    match Isa::from_env() {
        Ok(isa) if isa.name() == IsaName::Amx => Bench::main(measure),
        _ => println!("no AMX tiles here, or ALIGN_ISA asks for less: nothing is measured"),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    println!("no AMX tiles here: nothing is measured");
}

#[cfg(target_arch = "x86_64")]
fn measure(bench: &mut align_benches::Bench<'_>) {
    use align_tensor::{Precision, TileLayout, TileLoop};
    // Rows and columns take 64 bytes for each value of `k`, and sums take 4 KB. The L1 cache has 48 KB, the L2
    // cache 2 MB.
    let near = TileLayout::new(256, 1);
    let far = TileLayout::new(2048, 1);
    let off = 16;
    let layouts = [
        ("first level", near),
        ("first level, rows off by 16 bytes", TileLayout { lhs_offset: off, ..near }),
        ("first level, columns off by 16 bytes", TileLayout { columns_offset: off, ..near }),
        (
            "first level, both off by 16 bytes",
            TileLayout { lhs_offset: off, columns_offset: off, ..near },
        ),
        // Rows of 4 KB all map to one set of the L1 cache; a gap of one line spreads them.
        ("second level", far),
        ("second level, rows a line further apart", TileLayout { gap: 64, ..far }),
        (
            "second level, both off by 16 bytes",
            TileLayout { lhs_offset: off, columns_offset: off, ..far },
        ),
        // The access pattern of a product: one panel of columns and the rows of a task.
        ("a panel and 160 rows", TileLayout::new(768, 5)),
        ("a panel and 160 rows", TileLayout::new(3072, 5)),
    ];
    for three_products in [false, true] {
        let precision = if three_products { Precision::Bf16x3 } else { Precision::Bf16 };
        let isa = bench.isa;
        let mut group = bench.group_in(precision, &format!("tiles/{precision}"));
        for (name, layout) in layouts {
            // Operands in two parts are twice as large.
            let k = if three_products { layout.k / 2 } else { layout.k };
            let layout = TileLayout { k, three_products, ..layout };
            let mut tiles = TileLoop::new(isa, layout).expect("the set has tiles");
            group.flops(&format!("{name}, k {k}"), tiles.flops(), || tiles.run());
        }
    }
}
