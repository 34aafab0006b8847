"""A push that began with a valid token finishes, although the token expires half way.

On the Location of an upload session, the end of its subject's token is forgiven for as long as the session is old: so
the token was good when the session began. All else about it is asked again with each request: its signature, its
account and credential, what it grants, and what its subject may do by now. The Location alone opens nothing.
"""

from __future__ import annotations

from aiohttp import web

from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.subject import Subject
from registry.errors import UploadUnknown
from registry.http.call import Environment, query_value
from registry.http.routing import UPLOAD, Match
from registry.services import upload_location
from registry.services.context import now


async def subject_on_location(
    environment: Environment, request: web.Request, match: Match, repository: RepositoryName | None
) -> Subject | None:
    """The subject of an expired token that came on the Location of an upload session of theirs; None where it did not.

    Raises:
        TokenExpired: it ended before the session began, or longer than `limits.LAPSED_TOKEN_S` ago.
        Unauthorized: what the token was made for does not count any more.
    """
    upload_id, state = match.parameters.get(UPLOAD), query_value(request, upload_location.PARAMETER)
    if repository is None or upload_id is None or state is None:
        return None
    try:
        upload = await upload_location.claimed(environment.services, repository, upload_id, state)
    except UploadUnknown:
        return None
    age_s = (now() - upload.started_at).total_seconds()
    forgiven_s = min(age_s, limits.LAPSED_TOKEN_S)
    subject = await environment.authentication.authenticate(request, at_once=False, forgiven_s=forgiven_s)
    return subject if str(subject) == upload.subject else None
