"""What Django keeps: the mirror of the package table, publications, jobs. None of it is the truth."""

from packages_app.models.access_grant import AccessGrant
from packages_app.models.access_token import AccessToken
from packages_app.models.answered_request import AnsweredRequest
from packages_app.models.audit_entry import AuditCut, AuditEntry, AuditName
from packages_app.models.cleared_caution import ClearedCaution
from packages_app.models.conflict import Conflict
from packages_app.models.definition import DefinitionStatus
from packages_app.models.group_archive import GroupArchive
from packages_app.models.held_candidate import HeldCandidate, HeldLists
from packages_app.models.job import Job
from packages_app.models.notice import Notice
from packages_app.models.package import Package, PackageName, SuiteMembership
from packages_app.models.package_query import selected_by
from packages_app.models.publication import Publication
from packages_app.models.trusted_publisher import SpentIdentity, TrustedPublisher
from packages_app.models.uploader_key import UploaderKey
from packages_app.models.webhook import Webhook, WebhookDelivery

__all__ = [
    "AccessGrant",
    "AccessToken",
    "AnsweredRequest",
    "AuditCut",
    "AuditEntry",
    "AuditName",
    "ClearedCaution",
    "Conflict",
    "DefinitionStatus",
    "GroupArchive",
    "HeldCandidate",
    "HeldLists",
    "Job",
    "Notice",
    "Package",
    "PackageName",
    "Publication",
    "SpentIdentity",
    "SuiteMembership",
    "TrustedPublisher",
    "UploaderKey",
    "Webhook",
    "WebhookDelivery",
    "selected_by",
]
