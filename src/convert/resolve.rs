//! From an open checkpoint and wishes to a request: network, conventions and counts, each from what tells it first.

use super::checkpoint::OpenCheckpoint;
use super::checkpoint_head::CheckpointHead;
use super::error::{ConvertError, Counted};
use super::model;
use super::note::Place;
use super::replacement::Replacement;
use super::wishes::Wishes;
use crate::architecture::HeadChain;
use crate::like::{Like, recorded_request};
use crate::request::{Blueprint, Extent, Request, RequestError};
use crate::weights::names::conventions::{Known, resolve_conventions};
use crate::weights::stem::COLOURS;

impl OpenCheckpoint {
    /// The wishes' request, completed by what the checkpoint tells.
    pub(super) fn request(
        &self,
        wishes: &Wishes,
    ) -> Result<(Request, CheckpointHead), ConvertError> {
        let told = self.recipe.as_ref().map(recorded_request).transpose()?;
        let mut request = self.network(wishes, told.as_ref())?;
        request.head = None;
        let head = self.head(&request, wishes, told.as_ref())?;
        self.fits_classifier(&request, &head)?;
        self.set_conventions(&mut request, wishes, told.as_ref())?;
        self.set_counts(&mut request, wishes, &head)?;
        let usual = HeadChain::usual(request.options.classes);
        request.head = head.chain.clone().filter(|chain| *chain != usual);
        Ok((request, head))
    }

    /// The network that is asked for, else the one that the checkpoint tells, at the size that goes with it.
    fn network(&self, wishes: &Wishes, told: Option<&Request>) -> Result<Request, ConvertError> {
        // The checkpoint completes the head.
        let wishes = &Wishes {
            head: None,
            ..wishes.clone()
        };
        let mut request = match (told, self.configuring(wishes)) {
            (_, Some(published)) => wishes.over(published.request()),
            (Some(told), _) if wishes.like().is_some() => {
                let mut request = wishes.request()?;
                request.size = told.size;
                wishes.over(request)
            }
            _ if wishes.network.is_some() => wishes.request()?,
            (Some(told), _) => {
                let mut request = Request::new(told.blueprint.clone());
                request.size = told.size;
                wishes.over(request)
            }
            (None, None) => wishes.over(Request::new(self.recognise()?)),
        };
        let recorded = self.checkpoint.model_config();
        if let (Some(size), None) = (recorded.and_then(|config| config.size), wishes.size) {
            request.size = size.map(Extent::Fixed);
        }
        Ok(request)
    }

    /// Padding and epsilon: as they are asked for, as the model that is asked for has them, as the checkpoint records them,
    /// as its names imply.
    fn set_conventions(
        &self,
        request: &mut Request,
        wishes: &Wishes,
        told: Option<&Request>,
    ) -> Result<(), ConvertError> {
        // An architecture file tells padding and epsilon as well as a checkpoint's own record does.
        let options = match (&request.blueprint, told) {
            (Blueprint::Own(design), _) if wishes.network.is_some() => {
                Some(design.architecture.options)
            }
            (_, Some(told)) => Some(told.options),
            (_, None) => {
                let published = self.published.as_ref();
                published.map(|published| published.like.request().options)
            }
        };
        let file = self.completed(Known {
            padding: options.map(|options| options.padding),
            batch_norm_epsilon: options.map(|options| options.batch_norm_epsilon),
        });
        let file = match wishes.like() {
            Some(asked) => self.agreed(asked, request, wishes, told, file)?,
            None => file,
        };
        let variant = request.variant().map(|variant| variant.name);
        let conventions = resolve_conventions(wishes.conventions(), file, self.naming, variant)
            .map_err(|error| self.undecided(error, variant))?;
        request.options.padding = conventions.padding;
        request.options.batch_norm_epsilon = conventions.batch_norm_epsilon;
        Ok(())
    }

    /// Padding and epsilon of the model that is asked for, if the checkpoint does not tell another network or others.
    fn agreed(
        &self,
        asked: &Like,
        request: &Request,
        wishes: &Wishes,
        told: Option<&Request>,
        mut file: Known,
    ) -> Result<Known, ConvertError> {
        let published = self.published.as_ref();
        let (variant, place) = match told {
            Some(told) => (told.variant(), Place::Metadata),
            None => (
                published.map(|published| published.like.variant),
                Place::Config,
            ),
        };
        model::same_network(asked, variant, &place)?;
        if let Some(told) = told {
            let size = told.default_size();
            file.padding = file.padding.map(|padding| asked.own_padding(padding, size));
        }
        let place = self.telling(place, told.is_none() && published.is_none());
        model::agreed(
            asked,
            wishes.conventions(),
            file,
            &place,
            request.default_size(),
        )
    }

    /// Refuses a classifier that was fitted on other features than the network's.
    fn fits_classifier(
        &self,
        request: &Request,
        head: &CheckpointHead,
    ) -> Result<(), ConvertError> {
        if let Some(Replacement::Fitted(fitted)) = &self.classifier {
            let architecture = request.architecture().map_err(RequestError::from)?;
            let filters = architecture.features();
            let pooled = head.chain.as_ref();
            fitted.fits(pooled.map_or(filters, |chain| chain.pooled_features(filters)))?;
        }
        Ok(())
    }

    /// Classes and input channels as the checkpoint has them; another number of channels only where colours can be
    /// adapted.
    fn set_counts(
        &self,
        request: &mut Request,
        wishes: &Wishes,
        head: &CheckpointHead,
    ) -> Result<(), ConvertError> {
        let classes = match &self.classifier {
            Some(classifier) => Some(classifier.classes()),
            None => head.classes(),
        };
        let channels = self.checkpoint.in_channels(self.naming);
        let options = &mut request.options;
        if let (Some(asked), Some(Replacement::Fitted(fitted))) = (wishes.classes, &self.classifier)
            && asked != fitted.classes()
        {
            return Err(ConvertError::OtherClasses {
                path: fitted.path().to_owned(),
                asked,
                found: fitted.classes(),
            });
        }
        options.classes = same_count(Counted::Classes, wishes.classes, classes, options.classes)?;
        options.in_channels = match (wishes.in_channels, channels) {
            (Some(asked), Some(COLOURS)) => asked,
            (asked, found) => same_count(Counted::InChannels, asked, found, options.in_channels)?,
        };
        Ok(())
    }
}

/// What the checkpoint has, else what is asked for, else `own`.
fn same_count(
    count: Counted,
    asked: Option<u64>,
    found: Option<u64>,
    own: u64,
) -> Result<u64, ConvertError> {
    match (asked, found) {
        (Some(asked), Some(found)) if asked != found => Err(ConvertError::OtherCount {
            count,
            asked,
            found,
        }),
        (_, found) => Ok(found.unwrap_or(own)),
    }
}
