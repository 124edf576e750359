//! Which traces are kept: our own decision, whatever a caller says.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use super::exported::CALL;

/// The upper 32 bits of a hash are below this.
const HASHES: f64 = 4_294_967_296.0;

/// Keeps a share of the traces. A span within another of ours is kept with it.
///
/// Proxies pass on a `traceparent` that a stranger made up, so neither its sampling flag nor its trace id may decide:
/// the id is hashed with keys that only this process has.
#[derive(Debug, Clone)]
pub struct OwnSampling {
    share: f64,
    keys: RandomState,
}

impl OwnSampling {
    /// From 0, none, to 1, all.
    pub fn of_share(share: f64) -> Self {
        Self {
            share,
            keys: RandomState::new(),
        }
    }

    fn is_kept(&self, parent: Option<&Context>, trace: TraceId, name: &str) -> bool {
        let parent = parent.map(|context| context.span().span_context().clone());
        match parent.filter(|parent| parent.is_valid()) {
            Some(parent) if !parent.is_remote() => parent.is_sampled(),
            // A call for no request and no run: the sender's own, which would go round for ever.
            _ if name == CALL => false,
            _ => {
                let [a, b, c, d, ..] = self.keys.hash_one(trace.to_bytes()).to_be_bytes();
                f64::from(u32::from_be_bytes([a, b, c, d])) < self.share * HASHES
            }
        }
    }
}

impl ShouldSample for OwnSampling {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        _span_kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let decision = match self.is_kept(parent_context, trace_id, name) {
            true => SamplingDecision::RecordAndSample,
            false => SamplingDecision::Drop,
        };
        SamplingResult {
            decision,
            attributes: Vec::new(),
            trace_state: TraceState::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags};

    use super::*;

    fn within(trace: TraceId, is_remote: bool, is_sampled: bool) -> Context {
        let flags = TraceFlags::default().with_sampled(is_sampled);
        let parent = SpanContext::new(trace, SpanId::from(7), flags, is_remote, TraceState::default());
        Context::new().with_remote_span_context(parent)
    }

    fn count_kept(sampling: &OwnSampling, parent: impl Fn(TraceId) -> Option<Context>) -> usize {
        let traces = (1..=10_000).map(TraceId::from);
        let kept = traces.filter(|trace| sampling.is_kept(parent(*trace).as_ref(), *trace, "request"));
        kept.count()
    }

    #[test]
    fn the_share_is_kept_whatever_a_caller_asks_for() {
        for (share, least, most) in [(0.0, 0, 0), (0.1, 800, 1200), (1.0, 10_000, 10_000)] {
            let sampling = OwnSampling::of_share(share);
            let expected = least..=most;
            assert!(expected.contains(&count_kept(&sampling, |_| None)), "{share}");
            for is_sampled in [true, false] {
                let kept = count_kept(&sampling, |trace| Some(within(trace, true, is_sampled)));
                assert!(expected.contains(&kept), "{share} {is_sampled}: {kept}");
            }
        }
    }

    #[test]
    fn another_process_keeps_others_so_that_no_id_is_known_to_be_kept() {
        let [one, other] = [0.5, 0.5].map(OwnSampling::of_share);
        let differs = |trace: &TraceId| one.is_kept(None, *trace, "run") != other.is_kept(None, *trace, "run");
        assert!((1..=1000).map(TraceId::from).any(|trace| differs(&trace)));
    }

    #[test]
    fn what_is_within_a_span_of_ours_goes_with_it_and_a_call_alone_is_not_kept() {
        let (none, all) = (OwnSampling::of_share(0.0), OwnSampling::of_share(1.0));
        let trace = TraceId::from(1);
        assert!(none.is_kept(Some(&within(trace, false, true)), trace, CALL));
        assert!(!all.is_kept(Some(&within(trace, false, false)), trace, CALL));
        assert!(!all.is_kept(None, trace, CALL));
    }
}
