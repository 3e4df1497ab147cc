"""Another identity provider than Backstage, and the service that decides who may ask there."""
