//! Layers: everything that a tower does to its activations.

mod attention;
pub(crate) mod convolution;
mod embedding_table;
mod layer_norm;
mod linear;
mod pool;
mod scale;
mod softmax;

pub use attention::{Heads, Sequence, attention};
pub use embedding_table::Table;
pub use layer_norm::layer_norm;
pub use linear::Linear;
pub use pool::{max_pool, mean_pool};
pub use scale::scale_channels;
pub use softmax::softmax_rows;
