use super::*;

#[test]
fn names_read_back() {
    for activation in Activation::ALL {
        assert_eq!(Activation::from_name(&activation.to_string()), Some(activation));
    }
    assert_eq!(Activation::from_name("gelu_new"), Some(Activation::GeluTanh));
    assert_eq!(Activation::from_name("swish"), Some(Activation::Silu));
    assert_eq!(Activation::from_name("GELU"), None);
}

#[test]
fn the_reference_gelu_has_known_values() {
    // `x Φ(x)` in 40-digit arithmetic. -2.83 and -2.82 are on either side of `-√8`, the argument at
    // which the reference changes its method.
    for (x, expected) in [
        (-9.0, -1.015_729_565_358_456_6e-18),
        (-3.0, -0.004_049_694_094_890_283_6),
        (-2.83, -0.006_586_542_585_050_299),
        (-2.82, -0.006_771_334_577_213_689),
        (-1.0, -0.158_655_253_931_457_05),
        (-0.125, -0.056_282_721_896_235_88),
        (0.5, 0.345_731_230_637_006_55),
        (2.0, 1.954_499_736_103_641_6),
        (4.0, 3.999_873_315_032_667_5),
    ] {
        let found = Activation::Gelu.reference(x);
        assert!((found / expected - 1.0).abs() < 1e-13, "{x}: {found}, not {expected}");
    }
}

#[test]
fn a_slice_of_any_length_is_activated() {
    for isa in Isa::available() {
        for activation in Activation::ALL {
            for len in 0..40 {
                let arguments: Vec<f32> = (0..len).map(|i| i as f32 / 2.0 - 9.0).collect();
                let mut found = arguments.clone();
                activate(isa, activation, &mut found);
                for (x, found) in arguments.into_iter().zip(found) {
                    let expected = activation.reference(f64::from(x));
                    // GELU's error is 2 ULP of one half times x; the others' are relative.
                    let bound =
                        4.0 * f64::from(f32::EPSILON) * (expected.abs() + f64::from(x).abs());
                    let error = (f64::from(found) - expected).abs();
                    assert!(error <= bound, "{activation} {isa:?} of {x}: {found}, not {expected}");
                }
            }
        }
    }
}

#[test]
fn rectifiers_clip_exactly_and_keep_nan() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    let arguments = [-inf, -1.0, -1e-40, 0.0, 1e-40, 5.9, 6.0, 6.1, inf];
    for isa in Isa::available() {
        for (activation, top) in [(Activation::Relu, inf), (Activation::Relu6, 6.0)] {
            let mut found = arguments;
            activate(isa, activation, &mut found);
            assert_eq!(found, arguments.map(|x| x.clamp(0.0, top)));
        }
        for activation in Activation::ALL {
            let mut found = [1.0, nan, 2.0];
            activate(isa, activation, &mut found);
            assert_eq!(found.map(f32::is_nan), [false, true, false], "{activation}");
        }
    }
}
