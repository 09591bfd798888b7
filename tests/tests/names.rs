//! An inherent method of `Image` wins over a command of the same name, without a word. So the macro refuses those names, and
//! here its list is held against the runtime's source.

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

/// The names in a constant list of string literals.
fn listed(file: &syn::File, constant: &str) -> BTreeSet<String> {
    let list = file.items.iter().find_map(|item| match item {
        Item::Const(item) if item.ident == constant => Some(&*item.expr),
        _ => None,
    });
    let Some(Expr::Reference(list)) = list else { panic!("no list {constant}") };
    let Expr::Array(list) = &*list.expr else { panic!("{constant} is no list") };
    let name = |expr: &Expr| match expr {
        Expr::Lit(literal) => match &literal.lit {
            syn::Lit::Str(name) => name.value(),
            _ => panic!("{constant} holds something else than names"),
        },
        _ => panic!("{constant} holds something else than names"),
    };
    let names: Vec<String> = list.elems.iter().map(name).collect();
    let set: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(names.len(), set.len(), "{constant} names something twice");
    set
}

/// The public inherent functions of a type, wherever in the crate they are implemented.
fn inherent(of: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut directories = vec![root().join("memimage/src")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                names.extend(functions(&parse(&path), of));
            }
        }
    }
    names
}

fn functions(file: &syn::File, of: &str) -> Vec<String> {
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
                    names.push(function.sig.ident.to_string());
                }
                _ => {}
            }
        }
    }
    names
}

#[test]
fn the_macro_refuses_the_names_of_the_image() {
    let reserved = parse(&root().join("memimage-derive/src/reserved.rs"));
    let image = inherent("Image");
    assert!(image.len() > 10, "the source was not understood: {image:?}");
    assert_eq!(listed(&reserved, "INHERENT"), image);
    let kept = listed(&reserved, "KEPT");
    assert!(image.is_disjoint(&kept), "a name is kept for later and there already");
    // methods of the traits through which commands are called
    for method in ["execute", "clone"] {
        assert!(kept.contains(method), "`{method}` is a method of every image");
    }
}

/// Commands are methods of an image with metadata too.
#[test]
fn the_macro_refuses_the_names_of_an_image_with_metadata() {
    let reserved = listed(&parse(&root().join("memimage-derive/src/reserved.rs")), "INHERENT");
    let with = inherent("With");
    assert!(!with.is_empty() && with.is_subset(&reserved), "{with:?}");
}
