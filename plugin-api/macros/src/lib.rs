use proc_macro::TokenStream;
/// x
#[proc_macro] pub fn export(i: TokenStream)->TokenStream{i}
