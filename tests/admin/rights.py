"""Who may get each address of the admin, who may post to it, and who may do each action of a list."""

# Who a right belongs to. Below staff there are a stranger, who is not logged in, and a guest, who is and may nothing.
PEOPLE = ("stranger", "guest", "staff", "Viewers", "Uploaders", "Publishers", "root")
ANYBODY = set(PEOPLE)
STAFF = ANYBODY - {"stranger", "guest"}
VIEW = STAFF - {"staff"}
UPLOAD = VIEW - {"Viewers"}
PUBLISH = UPLOAD - {"Uploaders"}
ROOT = {"root"}
NOBODY = set()

WINDOWS = (
    "accessgrant", "accesstoken", "clearedcaution", "conflict", "definitionstatus", "heldcandidate", "job", "notice",
    "package", "publication", "uploaderkey",
)  # fmt: skip
EDITED = (
    "auth_user", "auth_group", "django_celery_beat_periodictask", "django_celery_beat_intervalschedule",
    "django_celery_beat_crontabschedule",
)  # fmt: skip

# By the name of the address: who may get it, and who may post to it.
RIGHTS = {
    "index": (STAFF, STAFF),
    "login": (ANYBODY, ANYBODY),
    "logout": (NOBODY, STAFF),
    "password_change": (STAFF, STAFF),
    "password_change_done": (STAFF, NOBODY),
    "jsi18n": (STAFF, NOBODY),
    "sessions": (STAFF, NOBODY),
    "sessions_end": (NOBODY, STAFF),
    "confirm": (STAFF, STAFF),
    "view_on_site": (STAFF, STAFF),
    "app_list": (VIEW, VIEW),
    "search": (STAFF, STAFF),
    "autocomplete": (NOBODY, NOBODY),  # refused to all where no field is named
    "anything else": (STAFF, STAFF),
    "packages_app_package_upload": (UPLOAD, UPLOAD),
    "packages_app_package_delivery": (UPLOAD, UPLOAD),
    "packages_app_package_direct_begin": (NOBODY, UPLOAD),
    "packages_app_package_direct_sign": (NOBODY, UPLOAD),
    "packages_app_package_direct_complete": (NOBODY, UPLOAD),
    "packages_app_package_direct_abort": (NOBODY, UPLOAD),
    "packages_app_package_build": (PUBLISH, PUBLISH),
    "packages_app_package_beside": (VIEW, NOBODY),
    "packages_app_package_adopt": (ROOT, ROOT),
    "packages_app_package_move": (NOBODY, PUBLISH),
    "packages_app_package_purge": (ROOT, ROOT),
    "packages_app_publication_lists": (VIEW, NOBODY),
    "packages_app_publication_contents": (VIEW, NOBODY),
    "packages_app_publication_compare": (VIEW, NOBODY),
    "packages_app_publication_rollback": (PUBLISH, PUBLISH),
    "packages_app_publication_pin": (NOBODY, PUBLISH),
    "packages_app_publication_publish": (NOBODY, PUBLISH),
    "packages_app_publication_rebuild": (PUBLISH, PUBLISH),
    "packages_app_publication_retain": (PUBLISH, PUBLISH),
    "packages_app_publication_sweep": (NOBODY, PUBLISH),
    "packages_app_publication_snapshots": (VIEW, NOBODY),
    "packages_app_publication_snapshot_create": (NOBODY, PUBLISH),
    "packages_app_publication_snapshot_delete": (NOBODY, PUBLISH),
    "packages_app_publication_snapshot_compose": (PUBLISH, PUBLISH),
    "packages_app_publication_snapshot_fill": (PUBLISH, PUBLISH),
    "packages_app_publication_keys": (VIEW, NOBODY),
    "packages_app_publication_keys_work": (NOBODY, ROOT),
    "packages_app_publication_keys_lost": (ROOT, NOBODY),
    "packages_app_publication_keys_public": (VIEW, NOBODY),
    "packages_app_publication_keys_revocation": (ROOT, NOBODY),
    "packages_app_definitionstatus_refused": (VIEW, NOBODY),
    "packages_app_definition_check": (NOBODY, PUBLISH),
    "packages_app_definitionstatus_define": (ROOT, ROOT),
    "packages_app_definitionstatus_versions": (VIEW, NOBODY),
    "packages_app_definitionstatus_place": (PUBLISH, PUBLISH),
    "packages_app_definitionstatus_remove": (ROOT, ROOT),
    "packages_app_definitionstatus_repository": (PUBLISH, NOBODY),
    "packages_app_definitionstatus_repository_change": (ROOT, ROOT),
    "packages_app_definitionstatus_repository_preview": (NOBODY, ROOT),
    "packages_app_definitionstatus_repository_save": (NOBODY, ROOT),
    "packages_app_conflict_builds": (NOBODY, PUBLISH),
    "packages_app_heldcandidate_lists": (VIEW, NOBODY),
    "packages_app_heldcandidate_approve": (NOBODY, PUBLISH),
    "packages_app_heldcandidate_reject": (NOBODY, PUBLISH),
    "packages_app_job_progress": (VIEW, VIEW),
    "packages_app_job_whole": (VIEW, NOBODY),
    "packages_app_job_again": (NOBODY, PUBLISH),
    "packages_app_job_repair": (NOBODY, PUBLISH),
    "packages_app_job_verify": (NOBODY, PUBLISH),
    "auth_user_password_change": (ROOT, ROOT),
    "packages_app_accesstoken_make": (VIEW, VIEW),
    "packages_app_accesstoken_revoke": (VIEW, VIEW),
    "packages_app_uploaderkey_give": (VIEW, VIEW),
    "packages_app_uploaderkey_remove": (NOBODY, VIEW),
    "packages_app_webhook_test": (NOBODY, ROOT),
    "packages_app_webhook_secret": (NOBODY, ROOT),
    "packages_app_webhookdelivery_again": (NOBODY, ROOT),
    **{f"packages_app_webhook_{page}": (ROOT, ROOT) for page in ("changelist", "history", "add", "delete", "change")},
    **{f"packages_app_webhookdelivery_{page}": (ROOT, ROOT) for page in ("changelist", "history")},
    **{f"packages_app_webhookdelivery_{page}": (NOBODY, NOBODY) for page in ("add", "delete")},
    "packages_app_webhookdelivery_change": (ROOT, NOBODY),
    **{f"packages_app_{name}_old_address": (STAFF, STAFF) for name in ("webhook", "webhookdelivery")},
}
RIGHTS["packages_app_accessgrant_give"] = (ROOT, ROOT)
for window in WINDOWS:
    name, sees = f"packages_app_{window}", ROOT if window == "accessgrant" else VIEW
    RIGHTS |= {f"{name}_{page}": (sees, sees) for page in ("changelist", "history")}
    RIGHTS |= {f"{name}_{page}": (NOBODY, NOBODY) for page in ("add", "delete")}
    RIGHTS |= {f"{name}_change": (sees, NOBODY), f"{name}_old_address": (STAFF, STAFF)}
# Of a token that one does not see there is none: it leads to the overview.
RIGHTS["packages_app_accesstoken_history"] = (STAFF, STAFF)
RIGHTS["packages_app_uploaderkey_history"] = (STAFF, STAFF)
# Those of the group Auditors may look at the trail, and of the people here root alone.
TRAIL = "packages_app_auditentry"
RIGHTS |= {f"{TRAIL}_{page}": (ROOT, ROOT) for page in ("changelist", "history")}
RIGHTS |= {f"{TRAIL}_{page}": (NOBODY, NOBODY) for page in ("add", "delete")}
RIGHTS |= {f"{TRAIL}_change": (ROOT, NOBODY), f"{TRAIL}_export": (ROOT, NOBODY), f"{TRAIL}_old_address": (STAFF, STAFF)}
for name in EDITED:
    RIGHTS |= {f"{name}_{page}": (ROOT, ROOT) for page in ("changelist", "history", "add", "delete", "change")}
    RIGHTS[f"{name}_old_address"] = (STAFF, STAFF)

# What may end a session.
ENDING = ("login", "logout", "password_change", "auth_user_password_change")

ACTIONS = {
    ("conflict", "settle"): PUBLISH,
    ("notice", "settle"): PUBLISH,
    ("definitionstatus", "check_upstream"): PUBLISH,
    ("publication", "force_rebuild"): PUBLISH,
    ("publication", "keep_for_ever"): PUBLISH,
    ("publication", "keep_as_others"): PUBLISH,
    ("package", "withdraw"): PUBLISH,
    ("package", "restore"): PUBLISH,
    ("package", "promote"): PUBLISH,
    ("package", "roll_out"): PUBLISH,
    ("accessgrant", "take_back"): ROOT,
    ("user", "delete_selected"): ROOT,
    ("group", "delete_selected"): ROOT,
    ("periodictask", "delete_selected"): ROOT,
    ("periodictask", "enable_tasks"): ROOT,
    ("periodictask", "disable_tasks"): ROOT,
    ("periodictask", "toggle_tasks"): ROOT,
    ("periodictask", "run_tasks"): ROOT,
    ("intervalschedule", "delete_selected"): ROOT,
    ("crontabschedule", "delete_selected"): ROOT,
    ("webhook", "delete_selected"): ROOT,
    ("webhookdelivery", "again"): ROOT,
}
