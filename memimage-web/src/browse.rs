//! The verb `browse` of a command line.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _, Parser};
use memimage::admin::{ImageKeys, ImageReader, Tool, with_verbs};
use memimage::{Image, Model};

use crate::page::{Page, TOKEN_MIN};

/// The variable with the token, if no file is given.
const TOKEN: &str = "MEMIMAGE_WEB_TOKEN";

/// Serves a page that shows the image, until it is interrupted. Changes nothing, and works beside the program that has the image open.
///
/// Prints the address of the page.
#[derive(Debug, Parser)]
#[command(
    name = "browse",
    after_help = "\
Examples:
  memimage browse bank.image
  memimage browse bank.image --addr 127.0.0.1:8080
  MEMIMAGE_WEB_TOKEN=$(openssl rand -hex 16) memimage browse bank.image --addr 0.0.0.0:8080

The page is not encrypted. Other machines need a token, and should reach it through a proxy with TLS or an SSH tunnel."
)]
struct Arguments {
    /// The directory of the image.
    image: PathBuf,
    /// The address to listen at. Port 0 takes a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    addr: SocketAddr,
    /// A file with the token that the page asks for. Without it, the variable MEMIMAGE_WEB_TOKEN has the token. An address that other
    /// machines reach needs one.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A file with the keys of an encrypted image: lines of a number and 64 hexadecimal digits, such as "3 5f0c…".
    /// Without it, the variable MEMIMAGE_ENCRYPTION_KEYS has these lines.
    #[arg(long, value_name = "FILE", help_heading = "Keys")]
    encryption_keys: Option<PathBuf>,
    /// A file with the keys of the image's chain, in the same form. Without it, the variable MEMIMAGE_CHAIN_KEYS has these lines.
    #[arg(long, value_name = "FILE", help_heading = "Keys")]
    chain_keys: Option<PathBuf>,
}

/// The verb in the examples, and their image.
const EXAMPLE: &str = "memimage browse bank.image";

/// Why the page is not served: the exit code, and the message.
struct Failure(u8, String);

fn refused(error: impl Display) -> Failure {
    Failure(3, error.to_string())
}

/// The command line for images of the model `M`: all verbs of [`memimage::admin::Tool`], and `browse`, which serves the page with states.
///
/// ```no_run
/// # use memimage::{Model, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Bank {}
/// # #[memimage::commands]
/// # impl Bank {
/// #     #[command]
/// #     fn open(&mut self) {}
/// # }
/// let code = memimage_web::tool::<Bank>().image("bank.image").run(["bank admin", "browse"]);
/// # drop::<std::process::ExitCode>(code);
/// ```
pub fn tool<M: Model>() -> Tool {
    Tool::for_model::<M>().verb("browse", "Serves a page that shows the image, with its states", browse_with::<M>)
}

/// The verb `browse` without the program: events, shapes and figures, but no states. The first of the `arguments` is the name of the program
/// with the verb, as the help shall show it, such as `memimage browse`; `--help` explains the others. With `image`, the page shows this image
/// unless the arguments name another one; without it, they must name one. Returns when the page cannot be served.
///
/// It is a verb for [`Tool::verb`].
pub fn browse(image: Option<&Path>, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    run(image, arguments, |image, keys| Page::without_program(ImageReader::open_with(image, keys)?))
}

/// The verb `browse` of a program with the model `M`, which also shows states; otherwise like [`browse`]. [`tool`] has it.
pub fn browse_with<M: Model>(image: Option<&Path>, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    run(image, arguments, |image, keys| {
        let mut options = Image::<M>::options();
        if let Some(keys) = keys.encryption() {
            options = options.encryption(keys);
        }
        if let Some(keys) = keys.chain() {
            options = options.chain(keys);
        }
        Ok(Page::new(&options.open_journal(image)?))
    })
}

fn run(
    image: Option<&Path>,
    arguments: impl IntoIterator<Item = OsString>,
    open: impl FnOnce(&Path, ImageKeys) -> Result<Page, memimage::Error>,
) -> ExitCode {
    let mut arguments = arguments.into_iter();
    let verb = arguments.next().unwrap_or_else(|| "browse".into()).to_string_lossy().into_owned();
    let command = command(&verb, image);
    let matches = command.try_get_matches_from([OsString::from(&verb)].into_iter().chain(arguments));
    let parsed = matches.and_then(|matches| {
        let mut arguments = Arguments::from_arg_matches(&matches)?;
        if image.is_some()
            && let Some(named) = matches.get_one::<PathBuf>("named")
        {
            arguments.image = named.clone();
        }
        Ok(arguments)
    });
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => {
            // a closed pipe is no error of the help
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match serve(&arguments, open) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(code, message)) => {
            let program = verb.strip_suffix(" browse").unwrap_or(&verb);
            let is_other = image.is_none_or(|image| image != arguments.image);
            let shown = is_other.then_some(arguments.image.as_path());
            eprintln!("error: {}", with_verbs(&message, program, shown, image.is_some()));
            ExitCode::from(code)
        }
    }
}

/// The command line of the verb, with its name. A program that presets the image takes another one as an argument or as an option.
fn command(verb: &str, image: Option<&Path>) -> Command {
    let command = Arguments::command().name(verb.to_owned()).bin_name(verb.to_owned());
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let Some(image) = image else {
        return command.after_help(help.replace(EXAMPLE, &format!("{verb} bank.image")));
    };
    let option = |argument: Arg| {
        argument.long("image").required(false).default_value(image.as_os_str().to_owned()).value_name("DIR")
    };
    let named =
        Arg::new("named").value_name("IMAGE").value_parser(clap::value_parser!(PathBuf)).conflicts_with("image");
    command
        .mut_arg("image", option)
        .arg(named.help("The directory of another image, as with --image"))
        .after_help(help.replace(EXAMPLE, verb))
}

fn serve(
    arguments: &Arguments,
    open: impl FnOnce(&Path, ImageKeys) -> Result<Page, memimage::Error>,
) -> Result<(), Failure> {
    let token = token(arguments.token_file.as_deref())?;
    if token.is_none() && !arguments.addr.ip().is_loopback() {
        let help = format!("help: give a token in the variable {TOKEN} or with --token-file");
        return Err(Failure(
            2,
            format!("other machines can reach {}, so the page needs a token; {help}", arguments.addr),
        ));
    }
    let keys = ImageKeys::read(arguments.encryption_keys.as_deref(), arguments.chain_keys.as_deref());
    let mut page = open(&arguments.image, keys.map_err(refused)?).map_err(refused)?;
    if let Some(token) = token {
        page = page.token(token);
    }
    if !arguments.addr.ip().is_loopback() {
        page = page.any_host();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(refused)?;
    runtime.block_on(async {
        let listening = |error| refused(format!("listening at {}: {error}", arguments.addr));
        let listener = tokio::net::TcpListener::bind(arguments.addr).await.map_err(listening)?;
        let address = listener.local_addr().map_err(refused)?;
        let mut output = std::io::stdout();
        // without a reader of the output, the page is served all the same
        let _ = writeln!(output, "http://{address}/").and_then(|()| output.flush());
        axum::serve(listener, page.router()).await.map_err(refused)
    })
}

/// The token in the file or in the environment.
fn token(file: Option<&Path>) -> Result<Option<String>, Failure> {
    let (text, source) = match file {
        Some(file) => {
            let text = std::fs::read_to_string(file);
            (text.map_err(|error| refused(format!("{}: {error}", file.display())))?, file.display().to_string())
        }
        None => match std::env::var(TOKEN) {
            Ok(text) => (text, format!("the variable {TOKEN}")),
            Err(std::env::VarError::NotPresent) => return Ok(None),
            Err(error) => return Err(Failure(2, format!("the variable {TOKEN}: {error}"))),
        },
    };
    match text.trim() {
        token if token.len() < TOKEN_MIN => {
            Err(Failure(2, format!("{source}: the token has fewer than {TOKEN_MIN} bytes; help: use a longer one")))
        }
        token => Ok(Some(token.to_owned())),
    }
}
