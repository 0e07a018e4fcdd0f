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
