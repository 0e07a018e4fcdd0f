//! Layers: the operations of a tower on its activations.

mod attention;
pub(crate) mod convolution;
mod embedding_table;
mod layer_norm;
mod linear;
mod pool;
mod scale;
mod softmax;

pub use attention::{Attention, Heads, Sequence, attention};
pub use embedding_table::EmbeddingTable;
pub use layer_norm::layer_norm;
pub use linear::Linear;
pub use pool::{max_pool, mean_pool};
pub use scale::scale_channels;
pub use softmax::softmax_rows;
