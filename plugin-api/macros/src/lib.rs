//! The export macro of Keyway plugins: what of it must run while compiling.
//!
//! Authors use it as `keyway_plugin::export_plugin!`, where its grammar is told.

mod exports;
mod metadata;

use exports::{Export, Exports};
use keyway_metadata::{TypeKind, note};
use metadata::Described;
use proc_macro::TokenStream;
use quote::{quote, quote_spanned};

/// Expands `export_plugin!`; the first token is the path of `keyway_plugin`.
#[proc_macro]
pub fn export(input: TokenStream) -> TokenStream {
    let exports = syn::parse_macro_input!(input as Exports);
    match metadata::read(&exports) {
        Ok(described) => expand(&exports, &described).into(),
        Err(error) => error.into_compile_error().into(),
    }
}

fn expand(exports: &Exports, described: &Described) -> proc_macro2::TokenStream {
    let krate = &exports.krate;
    let private = quote!(#krate::__private);
    let file = &exports.file;
    let head = &described.head;

    let arms = |kind: TypeKind| {
        let exports = exports.list.iter().zip(&described.names);
        exports.filter_map(move |(export, name)| (export.kind == kind).then_some((export, name)))
    };
    let structures: Vec<_> = arms(TypeKind::Structure)
        .map(|(Export { path, span, .. }, name)| {
            let name = name.as_str();
            // At the type's own place, so that a missing trait is shown there.
            let made = quote_spanned!(*span => <#path as ::core::default::Default>::default());
            let boxed = quote_spanned!(*span => ::std::boxed::Box::new(#made));
            quote!(#name => ::core::option::Option::Some(#boxed),)
        })
        .collect();
    let lifecycles: Vec<_> = arms(TypeKind::Lifecycle)
        .map(|(Export { path, span, .. }, name)| {
            let name = name.as_str();
            let made = quote_spanned!(*span => <#path as #krate::Lifecycle>::new);
            quote! {
                #name => ::core::option::Option::Some(match #made(__context) {
                    ::core::result::Result::Ok(made) =>
                        ::core::result::Result::Ok(::std::boxed::Box::new(made)),
                    ::core::result::Result::Err(error) => ::core::result::Result::Err(error),
                }),
            }
        })
        .collect();

    let mut rows = vec![quote!(PLUGIN_ROW)];
    let mut since = Vec::new();
    let mut methods = Vec::new();
    if !structures.is_empty() {
        rows.push(quote!(STRUCTURE_ROW));
        since.push(quote!(#private::STRUCTURE_SINCE));
        methods.push(quote! {
            fn structure(__name: &str) -> ::core::option::Option<
                ::std::boxed::Box<dyn #krate::PackageStructure>
            > {
                match __name { #(#structures)* _ => ::core::option::Option::None }
            }
        });
    }
    if !lifecycles.is_empty() {
        rows.push(quote!(LIFECYCLE_ROW));
        since.push(quote!(#private::LIFECYCLE_SINCE));
        methods.push(quote! {
            fn lifecycle(__name: &str, __context: #krate::Context) -> ::core::option::Option<
                ::core::result::Result<::std::boxed::Box<dyn #krate::Lifecycle>, #krate::Error>
            > {
                match __name { #(#lifecycles)* _ => ::core::option::Option::None }
            }
        });
    }
    let row_count = rows.len();

    let (elf, pe, macho) = (note::ELF_SECTION, note::PE_SECTION, note::MACHO_SECTION);
    let name = proc_macro2::Literal::byte_string(&note::NAME);
    let (name_size, kind) = (note::NAME_SIZE, note::KIND);

    quote! {
        const _: () = {
            // A change of the metadata file builds the plugin anew.
            const _: &[u8] = ::core::include_bytes!(
                ::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #file)
            );

            struct __Exports;
            impl #private::Exports for __Exports { #(#methods)* }

            const __LEAST: u16 = #private::least_host_minor(&[#(#since),*]);
            const __PARTS: [&str; 24] = #private::manifest_parts(
                #head,
                __LEAST,
                if ::core::cfg!(panic = "abort") { "abort" } else { "unwind" },
            );
            const __LEN: usize = #private::joined_len(&__PARTS);
            const __PADDED: usize = __LEN.next_multiple_of(4);
            static __MANIFEST: [u8; __LEN] = #private::joined(&__PARTS);

            #[used]
            #[cfg_attr(
                not(any(windows, target_vendor = "apple")),
                unsafe(link_section = #elf)
            )]
            #[cfg_attr(windows, unsafe(link_section = #pe))]
            #[cfg_attr(target_vendor = "apple", unsafe(link_section = #macho))]
            static __NOTE: #private::Note<__PADDED> =
                #private::Note::new(*#name, #name_size, #kind, &__MANIFEST);

            static __ROWS: [#private::Row; #row_count] =
                [#(#private::Adapter::<__Exports>::#rows),*];

            #[unsafe(no_mangle)]
            #[allow(non_upper_case_globals)]
            pub static keyway_entry_1: #private::ExportedEntry = #private::ExportedEntry::new(
                #private::Entry::new(&__ROWS, &__MANIFEST, __LEAST),
                &__NOTE,
            );
        };
    }
}
