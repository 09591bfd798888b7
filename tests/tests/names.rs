//! An inherent method of `Image` silently shadows a command of the same name, so the macro refuses these names. These tests
//! compare the macro's list with the library's source. All other names are free for commands.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Expr, ImplItem, Item, Type, Visibility};

fn parse(path: &Path) -> syn::File {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("in the workspace").to_owned()
}

/// The names in a constant slice of string literals.
fn listed(file: &syn::File, constant: &str) -> BTreeSet<String> {
    let list = file.items.iter().find_map(|item| match item {
        Item::Const(item) if item.ident == constant => Some(&*item.expr),
        _ => None,
    });
    let Some(Expr::Reference(list)) = list else { panic!("no list {constant}") };
    let Expr::Array(list) = &*list.expr else { panic!("{constant} is not a list") };
    let name = |expr: &Expr| match expr {
        Expr::Lit(literal) => match &literal.lit {
            syn::Lit::Str(name) => name.value(),
            _ => panic!("{constant} contains an element that is not a string literal"),
        },
        _ => panic!("{constant} contains an element that is not a string literal"),
    };
    let names: Vec<String> = list.elems.iter().map(name).collect();
    let set: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(names.len(), set.len(), "{constant} contains a name twice");
    set
}

/// The public inherent methods of a type, from all its `impl` blocks in the crate. Associated functions without `self` do
/// not count: `image.close()` does not call `Image::close(image)`.
fn inherent(of: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut directories = vec![root().join("memimage/src")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                names.extend(methods(&parse(&path), of));
            }
        }
    }
    names
}

fn methods(file: &syn::File, of: &str) -> Vec<String> {
    let mut names = Vec::new();
    for item in &file.items {
        let Item::Impl(block) = item else { continue };
        let is_of = |ty: &Type| matches!(ty, Type::Path(path) if path.path.segments.last().unwrap().ident == of);
        if block.trait_.is_some() || !is_of(&block.self_ty) {
            continue;
        }
        for item in &block.items {
            match item {
                ImplItem::Fn(function) if matches!(function.vis, Visibility::Public(_)) => {
                    names.extend(function.sig.receiver().map(|_| function.sig.ident.to_string()));
                }
                _ => {}
            }
        }
    }
    names
}

fn reserved(constant: &str) -> BTreeSet<String> {
    listed(&parse(&root().join("memimage-derive/src/reserved.rs")), constant)
}

#[test]
fn the_macro_refuses_the_names_of_image_methods() {
    let image = inherent("Image");
    assert!(image.len() >= 10, "the methods were not found in the source: {image:?}");
    assert_eq!(reserved("INHERENT"), image);
    let of_traits = reserved("OF_TRAITS");
    assert!(of_traits.is_disjoint(&image), "a name is in two lists");
    // methods of the traits that call commands
    for method in ["execute", "clone"] {
        assert!(of_traits.contains(method), "`{method}` is a method of every image");
    }
}

/// Commands are also methods of an image with metadata.
#[test]
fn the_macro_refuses_the_names_of_methods_of_an_image_with_metadata() {
    let with = inherent("WithMetadata");
    assert!(!with.is_empty() && with.is_subset(&reserved("INHERENT")), "{with:?}");
}

/// A model whose commands have names that the library uses too: for associated functions of `Image`, and for methods of the
/// handles that `journal()` and `admin()` return.
mod domain {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub(super) struct Desk {
        pub(super) called: Vec<String>,
    }

    /// Declares a command for each name.
    macro_rules! commands {
        ($($name:ident)*) => {
            #[memimage::commands]
            impl Desk {
                $(
                    #[command]
                    pub(super) fn $name(&mut self, by: u64) -> u64 {
                        self.called.push(format!("{} {by}", stringify!($name)));
                        by
                    }
                )*
            }
        };
    }

    commands! { open close read sync stats history follow seq options snapshot backup drop from default in_memory }
}

#[test]
fn words_of_the_domain_are_free_for_commands() {
    use domain::{Desk, DeskCommands as _};
    use memimage::{Image, Metadata};

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("desk");
    let desk = Image::<Desk>::open(&path).unwrap();
    let with = desk.with(Metadata::actor("clerk"));
    let shared = std::sync::Arc::new(desk.clone());
    let mut called = Vec::new();
    macro_rules! call {
        ($($name:ident)*) => {$(
            assert_eq!(desk.$name(1).unwrap(), 1);
            assert_eq!(with.$name(2).unwrap(), 2);
            assert_eq!(shared.$name(3).unwrap(), 3);
            called.extend([1, 2, 3].map(|by| format!("{} {by}", stringify!($name))));
        )*};
    }
    call! { open close read sync stats history follow seq options snapshot backup drop from default in_memory }
    drop((with, shared));
    assert_eq!(desk.query(|desk| desk.called.clone()).unwrap(), called);
    Image::close(desk).unwrap();
    let desk = Image::<Desk>::open(&path).unwrap();
    assert_eq!(desk.query(|desk| desk.called.clone()).unwrap(), called);
}
