//! The image on which a verb with a model works.

use std::sync::Arc;

use crate::admin::tool::failure::Failure;
use crate::admin::tool::target::{Target, TargetArguments};
use crate::event::Model;
use crate::history::{Journal, Moment, Past};
use crate::options::Options;

/// The options of a program that opens the image, with its keys.
pub(super) fn options<M: Model>(target: &TargetArguments) -> Result<Options<M>, Failure> {
    let (keys, mut options) = (target.keys()?, Options::new());
    if let Some(keys) = keys.encryption {
        options = options.encryption(keys);
    }
    if let Some(keys) = keys.chain {
        options = options.chain(keys);
    }
    Ok(options)
}

/// Opens an image of this model for reading, without its lock.
pub(super) fn open<M: Model>(arguments: &TargetArguments) -> Result<(Target, Journal<M>), Failure> {
    // reports missing keys in the words of the command line
    let target = arguments.open()?;
    Ok((target, options::<M>(arguments)?.open_journal_on(Arc::clone(arguments.disk()), arguments.path())?))
}

/// The state at a moment; the newest one without a moment.
pub(super) fn state<M: Model>(journal: &Journal<M>, moment: Option<Moment>) -> Result<Past<M>, Failure> {
    let moment = match moment {
        Some(moment) => moment,
        None => Moment::Seq(journal.durable_seq()?),
    };
    Ok(journal.at(moment)?)
}
