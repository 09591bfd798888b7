//! How a person runs the verbs of a program, and the library's messages in these words.
//!
//! The messages of the library name its calls, for programs. On a terminal, [`Invocation::translated`] puts the verbs in their place.

use std::path::Path;

/// The path that the help and the messages show if the image is not known.
const SOME_IMAGE: &str = "IMAGE";
/// How the messages of the library begin the name of a call.
const CALL: &str = "memimage::admin::";
/// How they begin the name of a repair.
const REPAIR: &str = "RepairAction::";
/// How the messages of the verbs begin another verb.
const VERB: &str = "`memimage ";

/// A program that carries the verbs, and the image on which a verb runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// The words before a verb, such as `bank admin`.
    program: String,
    /// The words after a verb that name the image, with a space before each; empty for an image that the program has preset.
    image: String,
    /// Whether the program has the verbs that need the model.
    has_model: bool,
}

impl Invocation {
    /// A program whose verbs take the image as their first argument. Without an image, the text shows a placeholder.
    pub(crate) fn with_argument(program: impl Into<String>, image: Option<&Path>) -> Invocation {
        let image = image.map_or_else(|| SOME_IMAGE.to_owned(), quoted);
        Invocation { program: program.into(), image: format!(" {image}"), has_model: false }
    }

    /// A program that presets the image, unless the option `--image` names another one.
    pub(crate) fn with_preset(program: impl Into<String>, image: Option<&Path>) -> Invocation {
        let image = image.map_or_else(String::new, |image| format!(" --image {}", quoted(image)));
        Invocation { program: program.into(), image, has_model: false }
    }

    /// The same program, which has the verbs that need the model, or not.
    pub(crate) fn having_model(self, has_model: bool) -> Invocation {
        Invocation { has_model, ..self }
    }

    /// The words before a verb.
    pub(crate) fn program(&self) -> &str {
        &self.program
    }

    /// A verb on the image, with the arguments after it.
    pub(crate) fn verb(&self, verb: &str, arguments: &str) -> String {
        let Invocation { program, image, .. } = self;
        let space = if arguments.is_empty() { "" } else { " " };
        format!("{program} {verb}{image}{space}{arguments}")
    }

    /// A verb that needs the model: of this program if it has the model, otherwise of one that has it.
    pub(crate) fn model_verb(&self, verb: &str, arguments: &str) -> String {
        match self.has_model {
            true => self.verb(verb, arguments),
            false => format!("PROGRAM admin {verb} {arguments}"),
        }
    }

    /// A message of the library or of a verb, with the verbs of this program in place of the calls.
    pub(crate) fn translated(&self, message: &str) -> String {
        let message = replaced(message, CALL, |rest| self.call(rest));
        let message = replaced(&message, REPAIR, |rest| self.repair(rest));
        // the calls name setters, and the verbs options
        let message = message.replace("to `encryption`", "by `--encryption-keys FILE`");
        let message = message.replace("to `chain`", "by `--chain-keys FILE`");
        message.replace(VERB, &format!("`{} ", self.program))
    }

    /// The verb in place of a call, with the length of the call. `rest` begins with the name of the call.
    fn call(&self, rest: &str) -> (String, usize) {
        let name_len =
            rest.find(|next: char| !next.is_alphanumeric() && !matches!(next, '_' | ':')).unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_len);
        let arguments_len = if after.starts_with('(') { closing(after) } else { 0 };
        let verb = match name.split("::").next().unwrap_or(name).to_lowercase().as_str() {
            "void" => self.verb("void", &format!("{} --reason TEXT", seq_in(&after[..arguments_len]).unwrap_or("SEQ"))),
            "rewrite" => self.verb("rewrite", "NEW"),
            "branch" => self.verb("branch", "NEW"),
            "import" => format!("{} import FILE NEW", self.program),
            "tool" | "imagereader" => self.program.clone(),
            name => self.verb(name, ""),
        };
        (verb, name_len + arguments_len)
    }

    /// The verb in place of a repair, with the length of its name. `rest` begins with the name of the variant.
    fn repair(&self, rest: &str) -> (String, usize) {
        let name_len = rest.find(['(', ')', '`']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_len);
        let arguments_len = if after.starts_with('(') { closing(after) } else { 0 };
        let seq = seq_in(&after[..arguments_len]).map_or_else(String::new, |seq| format!("={seq}"));
        let verb = self.verb("repair", &format!("{}{seq}", kebab_case(name)));
        (verb, name_len + arguments_len)
    }
}

/// Replaces each occurrence of `prefix`, with what follows it. `replace` gets the text behind the prefix, and returns the replacement and
/// the length of what it replaces there.
fn replaced(text: &str, prefix: &str, replace: impl Fn(&str) -> (String, usize)) -> String {
    let (mut replaced, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(prefix) {
        let (replacement, len) = replace(after);
        replaced += before;
        replaced += &replacement;
        rest = &after[len..];
    }
    replaced + rest
}

/// The length of the parentheses with which a text begins.
fn closing(text: &str) -> usize {
    let mut depth = 0;
    for (at, next) in text.char_indices() {
        match next {
            '(' => depth += 1,
            ')' if depth == 1 => return at + 1,
            ')' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// The number in `Seq::new(…)`.
fn seq_in(arguments: &str) -> Option<&str> {
    Some(arguments.split_once("Seq::new(")?.1.split_once(')')?.0)
}

/// The name of a variant as the command line writes it: `cut-from`.
fn kebab_case(name: &str) -> String {
    let mut text = String::new();
    for (at, next) in name.char_indices() {
        if at > 0 && next.is_uppercase() {
            text.push('-');
        }
        text.extend(next.to_lowercase());
    }
    text
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |next: char| next.is_alphanumeric() || "/._-+:@%=,".contains(next);
    match !path.is_empty() && path.chars().all(is_plain) {
        true => path,
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

/// A message of the library, in the words of a command line: the verbs of `program` in place of the library's calls. Verbs take the image
/// as their first argument, or, if `is_preset`, by the option `--image`; `image` is the path that the command line names.
///
/// ```
/// let message = "run `memimage::admin::check`, which lists the possible repairs";
/// let image = std::path::Path::new("bank.image");
/// let message = memimage::admin::with_verbs(message, "memimage", Some(image), false);
/// assert_eq!(message, "run `memimage check bank.image`, which lists the possible repairs");
/// ```
pub fn with_verbs(message: &str, program: &str, image: Option<&Path>, is_preset: bool) -> String {
    let invocation = match is_preset {
        true => Invocation::with_preset(program, image),
        false => Invocation::with_argument(program, image),
    };
    invocation.translated(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::tool::repairs::{EACH, name_of};

    fn memimage() -> Invocation {
        Invocation::with_argument("memimage", Some(Path::new("bank.image")))
    }

    #[test]
    fn calls_become_verbs() {
        for (message, text) in [
            ("run `memimage::admin::check`, which", "run `memimage check bank.image`, which"),
            (
                "void with `memimage::admin::void(path, Seq::new(17), reason)`;",
                "void with `memimage void bank.image 17 --reason TEXT`;",
            ),
            ("with `memimage::admin::void`", "with `memimage void bank.image SEQ --reason TEXT`"),
            (
                "but `memimage::admin::repair` was given no keys; help: use `memimage::admin::Repair`, and pass key 1 to `encryption`",
                "but `memimage repair bank.image` was given no keys; help: use `memimage repair bank.image`, and pass key 1 by \
                 `--encryption-keys FILE`",
            ),
            ("use `memimage::admin::ImageReader::open_with`", "use `memimage`"),
            ("call `memimage::admin::Void::dry_run`", "call `memimage void bank.image SEQ --reason TEXT`"),
            ("no call", "no call"),
        ] {
            assert_eq!(memimage().translated(message), text);
        }
    }

    #[test]
    fn each_repair_becomes_the_verb_that_makes_it() {
        for action in EACH {
            let text = format!("{} (memimage repair bank.image {})", action.what(), name_of(action));
            assert_eq!(memimage().translated(&action.to_string()), text);
        }
    }

    #[test]
    fn a_program_has_its_own_name_and_its_preset_image() {
        let check = |invocation: Invocation| invocation.translated("`memimage::admin::check` and `memimage info`");
        let other = Path::new("other image");
        let preset = |image| check(Invocation::with_preset("bank admin", image));
        assert_eq!(preset(None), "`bank admin check` and `bank admin info`");
        assert_eq!(preset(Some(other)), "`bank admin check --image 'other image'` and `bank admin info`");
        let argument = |image| check(Invocation::with_argument("stock", image));
        assert_eq!(argument(None), "`stock check IMAGE` and `stock info`");
        assert_eq!(argument(Some(Path::new("it's"))), r"`stock check 'it'\''s'` and `stock info`");
    }
}
