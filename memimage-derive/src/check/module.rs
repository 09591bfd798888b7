//! Rules for the other items in a block's module: no second block without a group, and no type with the name of a payload.
//!
//! Without these rules, the compiler would report each duplicate item and impl: up to ten errors, and no hint. An expansion
//! sees only its own block, so these rules parse the source file and search for the block in it. The rules apply only to
//! conflicts between items that every build contains. The compiler reports all other conflicts.

use std::fs;

use proc_macro2::{Ident, Span};
use quote::format_ident;
use syn::{Attribute, ImplItem, Item, ItemImpl, Meta, Type};

use crate::ast::Block;
use crate::case::unraw;
use crate::ctxt::Ctxt;

/// Checks the rules. After an error, renames the generated items, so that the compiler does not report the same conflict again.
pub(crate) fn module(cx: &Ctxt, block: &mut Block) {
    let Some(text) = source() else { return };
    let named = BlockNames::of(block);
    if !named.is_suspect(&text) {
        return;
    }
    let Ok(file) = syn::parse_file(&text) else { return };
    // Several modules may have a block that looks the same. The macro cannot know which of these blocks it expands, so it
    // reports only an error that occurs in every one of these modules.
    let modules = named.modules(&file.items);
    let index = modules.iter().map(|items| named.index(items)).min().flatten();
    if let Some(index) = index.filter(|index| *index > 0) {
        let model = &named.model;
        let message = format!(
            "`{model}` has another block of commands; help: write `#[memimage::commands(group = Name)]` on each block, and list \
             the groups: `#[model(groups(…))]`"
        );
        cx.error(&block.model, message);
        block.args.group.fill(format_ident!("{model}Block{}", index + 1));
    }
    for command in &mut block.commands {
        let payload = command.payload.clone();
        let is_defined = |items: &&[Item]| items.iter().any(|item| defines(item, &payload));
        if command.cfgs().next().is_none() && !modules.is_empty() && modules.iter().all(is_defined) {
            let method = &command.sig.ident;
            let message = format!(
                "a type `{payload}` already exists in this module; help: give the payload of `{method}` another name: \
                 `#[command(payload = Name)]`"
            );
            cx.error(method, message);
            command.payload = format_ident!("{payload}OfCommand", span = payload.span());
        }
    }
}

/// The text of the block's source file, if it can be read.
fn source() -> Option<String> {
    fs::read_to_string(Span::call_site().unwrap().local_file()?).ok()
}

/// The names that identify a block in its file.
struct BlockNames {
    model: String,
    is_grouped: bool,
    /// All methods' names, sorted.
    methods: Vec<String>,
    payloads: Vec<String>,
}

impl BlockNames {
    fn of(block: &Block) -> BlockNames {
        let commands = block.commands.iter().map(|command| &command.sig.ident);
        let mut methods: Vec<_> =
            commands.chain(block.methods.iter().map(|method| &method.sig.ident)).map(unraw).collect();
        methods.sort_unstable();
        BlockNames {
            model: block.model_name(),
            is_grouped: block.args.group.is_set(),
            methods,
            payloads: block.commands.iter().map(|command| command.payload.to_string()).collect(),
        }
    }

    /// Whether the file's text, before parsing, suggests a conflict. Usually it does not, and the macro does not parse the
    /// file.
    fn is_suspect(&self, text: &str) -> bool {
        let marks =
            text.lines().filter(|line| line.trim_start().starts_with("#[") && line.contains("commands")).count();
        let defined = |payload: &String| {
            ["struct", "enum", "union", "type"].iter().any(|word| text.contains(&format!("{word} {payload}")))
        };
        !self.is_grouped && marks > 1 || self.payloads.iter().any(defined)
    }

    /// The items of each module that contains a block with these names.
    fn modules<'a>(&self, items: &'a [Item]) -> Vec<&'a [Item]> {
        let inner = items.iter().filter_map(|item| match item {
            Item::Mod(module) => Some(self.modules(&module.content.as_ref()?.1)),
            _ => None,
        });
        let own = items.iter().any(|item| self.is_block(item)).then_some(items);
        own.into_iter().chain(inner.flatten()).collect()
    }

    fn is_block(&self, item: &Item) -> bool {
        matches!(item, Item::Impl(block) if is_marked(block, &self.model) && methods(block) == self.methods)
    }

    /// The block's index among the module's blocks without a group; `None` if the block has a group. The index does not count
    /// blocks with a `#[cfg]`.
    fn index(&self, items: &[Item]) -> Option<usize> {
        let is_alone = |item: &&Item| {
            matches!(item, Item::Impl(block) if is_marked(block, &self.model)
                && !block.attrs.iter().any(is_group) && !is_conditional(&block.attrs))
        };
        items.iter().filter(is_alone).position(|item| self.is_block(item)).filter(|_| !self.is_grouped)
    }
}

/// Whether the impl block is a block of commands of the model.
fn is_marked(block: &ItemImpl, model: &str) -> bool {
    let of_model = match &*block.self_ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| unraw(&last.ident) == model),
        _ => false,
    };
    of_model && block.attrs.iter().any(is_mark)
}

fn is_mark(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|last| last.ident == "commands")
}

/// Whether the attribute has the key `group`.
fn is_group(attr: &Attribute) -> bool {
    match &attr.meta {
        Meta::List(list) => is_mark(attr) && list.tokens.clone().into_iter().any(|token| token.to_string() == "group"),
        _ => false,
    }
}

fn is_conditional(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr"))
}

fn methods(block: &ItemImpl) -> Vec<String> {
    let methods = block.items.iter().filter_map(|item| match item {
        ImplItem::Fn(method) => Some(unraw(&method.sig.ident)),
        _ => None,
    });
    let mut methods: Vec<_> = methods.collect();
    methods.sort_unstable();
    methods
}

/// Whether the item is a type with this name, and every build contains it.
fn defines(item: &Item, name: &Ident) -> bool {
    let (ident, attrs) = match item {
        Item::Struct(item) => (&item.ident, &item.attrs),
        Item::Enum(item) => (&item.ident, &item.attrs),
        Item::Union(item) => (&item.ident, &item.attrs),
        Item::Type(item) => (&item.ident, &item.attrs),
        _ => return false,
    };
    *name == *ident.to_string() && !is_conditional(attrs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "#[memimage::commands]\nimpl Bank { fn a(&mut self) {} }\n";
    const SECOND: &str = "#[commands(lock)]\nimpl crate::Bank { fn b(&mut self) {} }\n";

    /// The index of the block `SECOND`.
    fn index(text: &str) -> Option<usize> {
        let named = BlockNames {
            model: "Bank".to_owned(),
            is_grouped: false,
            methods: vec!["b".to_owned()],
            payloads: vec!["BankB".to_owned()],
        };
        assert!(named.is_suspect(text), "{text}");
        let file = syn::parse_file(text).unwrap();
        named.modules(&file.items).into_iter().map(|items| named.index(items)).min().unwrap()
    }

    #[test]
    fn only_blocks_of_the_same_model_and_module_count() {
        assert_eq!(index(&format!("{FIRST}{SECOND}")), Some(1));
        assert_eq!(index(&format!("mod m {{\n{FIRST}{SECOND} }}")), Some(1));
        assert_eq!(index(&format!("{SECOND}{FIRST}")), Some(0));
        for first in [
            format!("mod m {{\n{FIRST} }}"),
            format!("#[cfg(unix)]\n{FIRST}"),
            FIRST.replace("Bank", "Shop"),
            FIRST.replace("commands", "commands(lock, group = Tellers)"),
            "impl Bank { fn a(&mut self) {} }\n#[commands]\nimpl Shop {}\n".to_owned(),
        ] {
            assert_eq!(index(&format!("{first}\n{SECOND}")), Some(0), "{first}");
        }
        assert_eq!(index(&format!("{FIRST}#[cfg(unix)]\n{SECOND}")), None);
        assert_eq!(index(&format!("{FIRST}{SECOND}mod m {{\n{SECOND} }}")), Some(0));
    }

    #[test]
    fn a_type_is_found_if_every_build_contains_it() {
        let name = format_ident!("BankB");
        let is_defined = |text: &str| syn::parse_file(text).unwrap().items.iter().any(|item| defines(item, &name));
        assert!(
            is_defined("pub struct BankB { b: u8 }") && is_defined("enum BankB {}") && is_defined("type BankB = u8;")
        );
        assert!(
            !is_defined("struct BankBx;") && !is_defined("#[cfg(unix)] struct BankB;") && !is_defined("fn BankB() {}")
        );
    }
}
