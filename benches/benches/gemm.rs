//! Benchmarks of align-base's matrix products in every precision, with weights in the cache and out of it. The baseline
//! is the `matrixmultiply` crate, as `ndarray` calls it.

use align_benches::{Bench, Copies, GemmShape, values, weights};
use align_tensor::{Activation, Epilogue, PackedWeights, Precision, gemm};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array, Array2};

fn main() {
    Bench::main(|bench| {
        let vision = GemmShape::of_vision().into_iter().map(|shape| (shape, Activation::Silu));
        let text = GemmShape::of_text().into_iter().map(|shape| (shape, Activation::Identity));
        for (shape, activation) in vision.chain(text) {
            let expands = shape.name.ends_with("expand");
            let activation = if expands { activation } else { Activation::Identity };
            for precision in Precision::ALL {
                ours(bench, &shape, precision, activation);
            }
            baseline(bench, &shape);
        }
    });
}

fn ours(bench: &mut Bench<'_>, shape: &GemmShape, precision: Precision, activation: Activation) {
    let (isa, team) = (bench.isa, bench.team);
    let &GemmShape { m, n, k, .. } = shape;
    let (a, bias, mut c) = (values(m * k), values(n), vec![0.0; m * n]);
    let weights = PackedWeights::pack_as(isa, precision, &weights(n, k), n, k);
    let epilogue = Epilogue::default().bias(&bias).activation(activation);
    let mut group = bench.group_in(precision, &format!("gemm/{}/{precision}", shape.name));
    let mut hot = Copies::hot(&weights);
    group.flops("hot", shape.flops(), || gemm(team, &a, hot.turn(), epilogue, &mut c));
    let mut cold = Copies::cold(&weights, 4 * weights.packed_len());
    group.flops("cold", shape.flops(), || gemm(team, &a, cold.turn(), epilogue, &mut c));
}

fn baseline(bench: &mut Bench<'_>, shape: &GemmShape) {
    let &GemmShape { m, n, k, .. } = shape;
    let matrix = |rows, columns| -> Array2<f32> {
        Array::from(values(rows * columns)).into_shape_with_order((rows, columns)).unwrap()
    };
    let (a, weights, mut c) = (matrix(m, k), matrix(n, k), Array2::zeros((m, n)));
    bench.group(&format!("gemm/{}", shape.name)).flops("matrixmultiply", shape.flops(), || {
        general_mat_mul(1.0, &a, &weights.t(), 0.0, &mut c);
    });
}
