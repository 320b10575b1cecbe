//! What stands between the parentheses of `export_plugin!`.

use keyway_metadata::{TypeKind, TypeName};
use proc_macro2::Span;
use syn::parse::discouraged::Speculative as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{LitStr, Path, Token, bracketed, token};

/// `krate EXPORTS, "FILE"`.
pub(crate) struct Exports {
    pub(crate) krate: Path,
    pub(crate) list: Vec<Export>,
    pub(crate) file: LitStr,
}

/// One type of the plugin's author: `[structure | lifecycle] ["Vendor/Name" =>] Path`.
pub(crate) struct Export {
    pub(crate) kind: TypeKind,
    pub(crate) name: Option<Named>,
    pub(crate) path: Path,
    pub(crate) span: Span,
}

/// A type name that the author wrote, and where.
pub(crate) struct Named {
    pub(crate) name: TypeName,
    pub(crate) span: Span,
}

impl Parse for Exports {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let krate = input.call(Path::parse_mod_style)?;
        if input.is_empty() {
            return Err(input.error(
                "expected what to export and the metadata file, \
                 as `export_plugin!(MyStructure, \"metadata.json\")`",
            ));
        }
        let list = if input.peek(token::Bracket) {
            let inside;
            let bracket = bracketed!(inside in input);
            let list: Vec<_> = Punctuated::<Export, Token![,]>::parse_terminated(&inside)?
                .into_iter()
                .collect();
            if list.is_empty() {
                let message = "nothing is exported: name at least one structure or lifecycle";
                return Err(syn::Error::new(bracket.span.join(), message));
            }
            list
        } else {
            vec![input.parse()?]
        };
        if input.is_empty() {
            let message = "expected the metadata file too, as `, \"metadata.json\"`";
            let last = list
                .last()
                .map_or_else(Span::call_site, |export| export.span);
            return Err(syn::Error::new(last, message));
        }
        input.parse::<Token![,]>()?;
        let file = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        if !input.is_empty() {
            return Err(input.error("nothing is expected after the metadata file"));
        }
        check_names(&list)?;
        Ok(Self { krate, list, file })
    }
}

impl Parse for Export {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let kind = kind(input)?.unwrap_or(TypeKind::Structure);
        let name = if input.peek(LitStr) {
            let text: LitStr = input.parse()?;
            let name = text.value().parse().map_err(|error| {
                syn::Error::new(text.span(), format!("this is no type name: {error}"))
            })?;
            input.parse::<Token![=>]>()?;
            let span = text.span();
            Some(Named { name, span })
        } else {
            None
        };
        let path: Path = input.parse()?;
        let span = path.span();
        Ok(Self {
            kind,
            name,
            path,
            span,
        })
    }
}

/// The word `structure` or `lifecycle`, if it stands before a name or a type, not for one.
fn kind(input: ParseStream<'_>) -> syn::Result<Option<TypeKind>> {
    let ahead = input.fork();
    let Ok(word) = ahead.parse::<syn::Ident>() else {
        return Ok(None);
    };
    let kind = match word.to_string().as_str() {
        "structure" => TypeKind::Structure,
        "lifecycle" => TypeKind::Lifecycle,
        _ => return Ok(None),
    };
    let before_type = ahead.peek(LitStr)
        || ahead.peek(syn::Ident)
        || ahead.peek(Token![crate])
        || ahead.peek(Token![self])
        || ahead.peek(Token![super]);
    if !before_type {
        return Ok(None);
    }
    input.advance_to(&ahead);
    Ok(Some(kind))
}

/// In a list every type has its name, and no name stands twice for one kind.
fn check_names(list: &[Export]) -> syn::Result<()> {
    for (index, export) in list.iter().enumerate() {
        let Some(named) = &export.name else {
            if list.len() > 1 {
                let message = "in a list each type needs its name, as `\"Vendor/Name\" => Type`";
                return Err(syn::Error::new(export.span, message));
            }
            continue;
        };
        let doubled = list[..index].iter().any(|other| {
            other.kind == export.kind
                && other
                    .name
                    .as_ref()
                    .is_some_and(|other| other.name == named.name)
        });
        if doubled {
            let message = format!("the {} `{}` is exported twice", export.kind, named.name);
            return Err(syn::Error::new(named.span, message));
        }
    }
    Ok(())
}
