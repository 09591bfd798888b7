//! Which kind each error has.

#[cfg(feature = "admin")]
use super::export::ExportError;
use super::is_full;
use super::kind::ErrorKind;
use super::messages::ErrorDetail;
use super::personal_key::PersonalKeyError;
use super::projection::ProjectionFault;
use super::subscription::SubscriptionError;

impl ErrorKind {
    pub(super) fn of(detail: &ErrorDetail) -> ErrorKind {
        match detail {
            ErrorDetail::NotFound { .. } => ErrorKind::NotFound,
            ErrorDetail::Taken { .. } => ErrorKind::AlreadyExists,
            ErrorDetail::NotAnImage { .. } | ErrorDetail::NotPlain { .. } => ErrorKind::NotAnImage,
            ErrorDetail::Locked { .. } | ErrorDetail::Staged { .. } => ErrorKind::Locked,
            ErrorDetail::Network { .. } => ErrorKind::NetworkFileSystem,
            ErrorDetail::OtherModel { .. }
            | ErrorDetail::Format { .. }
            | ErrorDetail::Shapes { .. }
            | ErrorDetail::ChangedEncoding { .. }
            | ErrorDetail::Genesis { .. }
            | ErrorDetail::Pruned { changed: true, .. } => ErrorKind::Incompatible,
            ErrorDetail::Digest { .. }
            | ErrorDetail::Unloadable { .. }
            | ErrorDetail::Unserializable { .. }
            | ErrorDetail::Rebuild { .. }
            | ErrorDetail::StoredFieldsRebuilt { .. }
            | ErrorDetail::Derived { .. }
            | ErrorDetail::Incomplete { .. } => ErrorKind::InvalidModel,
            ErrorDetail::Deep { .. } => ErrorKind::StateTooDeep,
            ErrorDetail::Corrupt { .. }
            | ErrorDetail::BackupDamaged { .. }
            | ErrorDetail::RestoreDamaged { .. }
            | ErrorDetail::Snapshot { .. }
            | ErrorDetail::Pruned { changed: false, .. } => ErrorKind::Corrupt,
            ErrorDetail::Forged { .. } | ErrorDetail::ForgedState { .. } => ErrorKind::Forged,
            ErrorDetail::Key { .. } | ErrorDetail::Protected { .. } => ErrorKind::Key,
            ErrorDetail::Replay { .. }
            | ErrorDetail::Diverged { .. }
            | ErrorDetail::Rewritten { .. }
            | ErrorDetail::Branched { .. } => ErrorKind::Diverged,
            ErrorDetail::PrunedSource { .. } | ErrorDetail::PrunedEvent { .. } | ErrorDetail::PrunedState { .. } => {
                ErrorKind::Pruned
            }
            ErrorDetail::LostEvents { .. } => ErrorKind::LostEvents,
            ErrorDetail::Replaced { .. } => ErrorKind::Replaced,
            ErrorDetail::FollowerStopped { cause, .. } => cause.kind(),
            ErrorDetail::NoSuchEvent { .. } | ErrorDetail::NoSuchTime { .. } => ErrorKind::OutOfRange,
            ErrorDetail::Repair { .. }
            | ErrorDetail::Void { .. }
            | ErrorDetail::Branch { .. }
            | ErrorDetail::TimeNotEarlier { .. }
            | ErrorDetail::BackupTarget { .. }
            | ErrorDetail::BackupSource { .. }
            | ErrorDetail::NoFiles { .. } => ErrorKind::NotApplicable,
            ErrorDetail::Io { source, .. } if is_full(source) => ErrorKind::StorageFull,
            ErrorDetail::Io { .. } => ErrorKind::Io,
            ErrorDetail::StorageFull { .. } | ErrorDetail::SegmentStorageFull { .. } => ErrorKind::StorageFull,
            ErrorDetail::Poisoned { cause, .. } if cause.kind() == ErrorKind::Fenced => ErrorKind::Fenced,
            ErrorDetail::Poisoned { .. } => ErrorKind::Poisoned,
            ErrorDetail::Replication { kind, .. } => *kind,
            ErrorDetail::Closed | ErrorDetail::FollowerPromoted { .. } => ErrorKind::Closed,
            ErrorDetail::Forked => ErrorKind::Forked,
            ErrorDetail::Busy { .. } => ErrorKind::Busy,
            ErrorDetail::TooLarge { .. } | ErrorDetail::GenesisTooLarge { .. } => ErrorKind::RecordTooLarge,
            ErrorDetail::Encode { .. } | ErrorDetail::Undecodable { .. } => ErrorKind::Encode,
            ErrorDetail::RequestKey { .. } | ErrorDetail::SharedRequestKey { .. } => ErrorKind::InvalidRequestKey,
            ErrorDetail::RequestKeyReused { .. } => ErrorKind::RequestKeyReused,
            ErrorDetail::AlreadyExecuted { .. } => ErrorKind::AlreadyExecuted,
            ErrorDetail::Reentrant { .. } => ErrorKind::Reentrant,
            ErrorDetail::Panicked { .. } | ErrorDetail::ClockPanicked { .. } => ErrorKind::Panicked,
            ErrorDetail::ShapeLock(_) => ErrorKind::ShapeLock,
            ErrorDetail::PersonalKey(error) => ErrorKind::of_personal_key(error),
            ErrorDetail::Projection(fault) => ErrorKind::of_projection(fault),
            ErrorDetail::Subscription(error) => ErrorKind::of_subscription(error),
            #[cfg(feature = "admin")]
            ErrorDetail::Export(error) => ErrorKind::of_export(error),
            ErrorDetail::Option { .. } => ErrorKind::InvalidOption,
        }
    }

    #[cfg(feature = "admin")]
    fn of_export(error: &ExportError) -> ErrorKind {
        match error {
            ExportError::Output { source } if is_full(source) => ErrorKind::StorageFull,
            ExportError::Output { .. } | ExportError::Input { .. } => ErrorKind::Io,
            ExportError::Invalid { .. } | ExportError::Damaged { .. } => ErrorKind::InvalidExport,
        }
    }

    fn of_personal_key(error: &PersonalKeyError) -> ErrorKind {
        match error {
            PersonalKeyError::Unreadable { .. } | PersonalKeyError::Lost { .. } => ErrorKind::PersonalKey,
            PersonalKeyError::Damaged { .. } => ErrorKind::Corrupt,
            PersonalKeyError::Replaced { .. } => ErrorKind::Replaced,
            PersonalKeyError::Locked { .. } => ErrorKind::Locked,
        }
    }

    fn of_subscription(error: &SubscriptionError) -> ErrorKind {
        match error {
            SubscriptionError::Name { .. } => ErrorKind::InvalidOption,
            SubscriptionError::InUse { .. } => ErrorKind::Locked,
            SubscriptionError::Lost { .. } => ErrorKind::OutOfRange,
            SubscriptionError::Damaged { .. } => ErrorKind::Corrupt,
            SubscriptionError::NotDelivered { .. } | SubscriptionError::NoGap { .. } => ErrorKind::NotApplicable,
        }
    }
}

impl ErrorKind {
    fn of_projection(fault: &ProjectionFault) -> ErrorKind {
        match fault {
            ProjectionFault::Panicked { .. } => ErrorKind::Panicked,
            ProjectionFault::EventBecameVoid { .. } => ErrorKind::Diverged,
            ProjectionFault::Pruned { .. } => ErrorKind::Pruned,
            ProjectionFault::Locked { .. } => ErrorKind::Locked,
            ProjectionFault::NotAProjection { .. } => ErrorKind::NotAnImage,
            ProjectionFault::InMemory { .. } => ErrorKind::NotFound,
            ProjectionFault::OtherProjection { .. }
            | ProjectionFault::OtherImage { .. }
            | ProjectionFault::Newer { .. }
            | ProjectionFault::ChangedShape { .. } => ErrorKind::Incompatible,
            ProjectionFault::NotStored { .. } => ErrorKind::InvalidModel,
            ProjectionFault::Reentrant { .. } => ErrorKind::Reentrant,
            ProjectionFault::Forked => ErrorKind::Forked,
        }
    }
}
