"""What each call of the control API does, one function each, named as in spec/control.yaml."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from wixture.contracts import dialect as dialects
from wixture.contracts.document import SPEC_FOLDER, read_document
from wixture.mockserver.app import Application
from wixture.mockserver.clock import derived_id
from wixture.mockserver.erasure import erase
from wixture.mockserver.forms import Forms
from wixture.mockserver.instants import from_text
from wixture.mockserver.login_codes import Code, code_expiry
from wixture.mockserver.messages import ById, Response
from wixture.mockserver.refusals import Refusal, invalid_field
from wixture.mockserver.seeding import add_seed, load, reset
from wixture.mockserver.seeds import place_of, snapshot_changes
from wixture.mockserver.settings import ACCESS_TOKEN_SECONDS, CODE_SECONDS
from wixture.mockserver.store.store import Conflict, RecordChanged
from wixture.mockserver.tenant import Tenant

YAML_TYPE = "application/yaml"
SNAPSHOT_VERSION = 1
Answer = dict[str, Any] | Response


@dataclass(frozen=True, slots=True)
class ControlCall:
    """A control call that is matched, allowed and valid. `everybody` when it names all tenants."""

    tenant: Tenant
    everybody: bool
    query: Mapping[str, str]
    body: Any
    path: Mapping[str, str]


# ---- the server ----------------------------------------------------------------------------------


async def get_contract_as_yaml(app: Application, call: ControlCall) -> Answer:
    """The contract in a dialect, as YAML."""
    return Response(200, dialects.as_yaml(_dialect(app, call)).encode(), content_type=YAML_TYPE)


async def get_contract_as_json(app: Application, call: ControlCall) -> Answer:
    """The contract in a dialect, as JSON."""
    return Response(200, orjson.dumps(dialects.document_in(_dialect(app, call))))


def _dialect(app: Application, call: ControlCall) -> dialects.Dialect:
    wanted = call.query.get("dialect", app.settings.dialect)
    return "documented" if wanted == "documented" else "corrected"


async def get_control_as_yaml(_: Application, __: ControlCall) -> Answer:
    """The control API's own document, as it stands."""
    return Response(200, (SPEC_FOLDER / "control.yaml").read_bytes(), content_type=YAML_TYPE)


async def get_control_as_json(_: Application, __: ControlCall) -> Answer:
    """The control API's own document, as JSON and whole."""
    return Response(200, orjson.dumps(read_document(SPEC_FOLDER / "control.yaml")))


# ---- data ----------------------------------------------------------------------------------------


async def reset_tenant(app: Application, call: ControlCall) -> Answer:
    """Back to the launch options."""
    for tenant in app.tenants.all() if call.everybody else [call.tenant]:
        await reset(app, tenant)
    if call.everybody:
        await app.journals.clear(None)
    return {}


async def delete_tenant(app: Application, call: ControlCall) -> Answer:
    """As if it had never been used."""
    tenant = call.tenant
    if tenant.instance_id == app.settings.instance_id:
        text = "This is the default tenant, which the server always has: POST /_mock/reset empties it."
        raise Refusal("MOCK_BAD_REQUEST", text)
    await app.store.forget(tenant.instance_id)
    app.dispatch.forget(tenant)
    app.tenants.forget(tenant)
    return {}


async def get_forms(_: Application, call: ControlCall) -> Answer:
    """The forms now."""
    return _shown_forms(call.tenant)


async def put_forms(app: Application, call: ControlCall) -> Answer:
    """Choose those that are named."""
    wanted = {**_shown_forms(call.tenant), **call.body}
    forms = Forms(lenient=wanted["input"] == "lenient", documented=wanted["dialect"] == "documented")
    app.tenants.choose(call.tenant, forms)
    return _shown_forms(call.tenant)


def _shown_forms(tenant: Tenant) -> dict[str, Any]:
    forms = tenant.forms
    return {
        "dialect": "documented" if forms.documented else "corrected",
        "input": "lenient" if forms.lenient else "strict",
    }


async def seed_tenant(app: Application, call: ControlCall) -> Answer:
    """Add entities, all or none."""
    return await add_seed(app, call.tenant, call.body, events=call.query.get("events") == "true")


async def get_state(app: Application, call: ControlCall) -> Answer:
    """A snapshot of the tenant."""
    tenant = call.tenant
    return {
        "version": SNAPSHOT_VERSION,
        "instanceId": tenant.instance_id,
        **await app.store.snapshot(tenant.instance_id),
        **_switches(tenant),
        "clock": tenant.clock.to_dict(),
    }


async def put_state(app: Application, call: ControlCall) -> Answer:
    """Replace the tenant by a snapshot, all or nothing."""
    tenant, snapshot = call.tenant, call.body
    now = instant(snapshot["clock"]["now"], "clock.now") if "clock" in snapshot else None
    try:
        with app.tenants.unless_refused(tenant):
            _turn_switches(tenant, snapshot)
            tenant.life += app.tenants.shared
            if now is not None:
                tenant.clock.set(now, frozen=snapshot["clock"]["frozen"])
            await load(app, tenant, snapshot_changes(snapshot), replace=True)
    except Conflict as error:
        if isinstance(error, RecordChanged):
            raise
        text = f"{place_of(error.position, snapshot)} has the ID or identifier of another. Nothing was changed."
        raise Refusal("ALREADY_EXISTS", text, rule="consent-one-per-identifier") from error
    app.dispatch.forget(tenant)
    return {}


async def get_channels(_: Application, call: ControlCall) -> Answer:
    """The site owner's switches."""
    return _switches(call.tenant)


async def put_channels(_: Application, call: ControlCall) -> Answer:
    """Turn the switches that are named."""
    _turn_switches(call.tenant, call.body)
    return _switches(call.tenant)


def _switches(tenant: Tenant) -> dict[str, Any]:
    return {"channels": sorted(tenant.channels), "loyaltyInstalled": tenant.loyalty_installed}


def _turn_switches(tenant: Tenant, body: Mapping[str, Any]) -> None:
    if "channels" in body:
        tenant.channels = frozenset(body["channels"])
    tenant.loyalty_installed = body.get("loyaltyInstalled", tenant.loyalty_installed)


def instant(text: str, field: str) -> int:
    """Microseconds since 1970. Raises Refusal for a text that is no instant of the years 1 to 9999."""
    try:
        return from_text(text)
    except ValueError as error:
        raise invalid_field(field, f"is no instant that can be used: {error}", "timestamp-form") from error


# ---- time ----------------------------------------------------------------------------------------


async def get_clock(_: Application, call: ControlCall) -> Answer:
    """The tenant's time."""
    return call.tenant.clock.to_dict()


async def put_clock(app: Application, call: ControlCall) -> Answer:
    """Jump to an instant, and stand still there unless told to go on."""
    body = call.body
    now = instant(body["now"], "now") if "now" in body else None
    await app.dispatch.set_clock(call.tenant, now, frozen=body.get("frozen", True))
    return call.tenant.clock.to_dict()


async def advance_clock(app: Application, call: ControlCall) -> Answer:
    """Move time on."""
    try:
        await app.dispatch.advance(call.tenant, call.body["seconds"])
    except ValueError as error:
        raise invalid_field("seconds", f"is too far: {error}", "timestamp-form") from error
    return call.tenant.clock.to_dict()


# ---- identities ----------------------------------------------------------------------------------


async def get_tenant(app: Application, call: ControlCall) -> Answer:
    """The IDs that belong to the tenant."""
    return {
        "instanceId": call.tenant.instance_id,
        "clientId": call.tenant.client_id,
        "appId": app.settings.app_id,
        "siteUrl": app.public_url,
    }


async def create_token(app: Application, call: ControlCall) -> Answer:
    """Both tokens of any identity."""
    body = call.body
    tenant = app.tenants.get(body["instanceId"].lower()) if "instanceId" in body else call.tenant
    identity = body["identity"]
    subjects = {"APP": app.settings.app_id, "WIX_USER": derived_id("wix user", tenant.instance_id)}
    named = body.get("memberId") if identity == "MEMBER" else body.get("visitorId")
    subject = subjects.get(identity) or (named or tenant.chance.new_id(identity.lower())).lower()
    scopes = frozenset(body["scopes"]) if "scopes" in body else None
    await app.tenants.announce(tenant)
    caller = app.oauth.caller(identity, tenant.instance_id, subject, scopes=scopes)
    return app.oauth.tokens_for(caller, body.get("expiresIn", ACCESS_TOKEN_SECONDS))


async def create_code(app: Application, call: ControlCall) -> Answer:
    """A code that can be exchanged once."""
    body, tenant = call.body, call.tenant
    identity = body.get("identity", "MEMBER")
    member = (body.get("memberId") or tenant.chance.new_id("member")).lower() if identity == "MEMBER" else None
    code = Code(
        identity=identity,
        instance_id=tenant.instance_id,
        subject_id=member or app.settings.app_id,
        challenge=body.get("codeChallenge"),
        redirect_uri=body.get("redirectUri"),
        expires_at=code_expiry(tenant.clock.now()),
    )
    answer = {"code": app.oauth.new_code(code, tenant), "expiresIn": CODE_SECONDS}
    return {**answer, "memberId": member} if member else answer


async def create_links(app: Application, call: ControlCall) -> Answer:
    """The links of a consent."""
    tenant, consent_id = call.tenant, call.body["consentId"].lower()
    now = tenant.clock.now()
    found = await app.store.find(tenant.instance_id, ById(consent_id, latest=True), now=now)
    if not found.entities:
        raise Refusal("NOT_FOUND", f"This tenant has no consent with the ID {consent_id!r}.")
    world, language = app.world(tenant, now), call.body.get("language")
    kinds = {"confirmationLink": "CONFIRMATION", "revokeLink": "REVOKE_CONFIRMATION"}
    return {name: world.link(kind, found.entities[0], language) for name, kind in kinds.items()}


async def anonymize(app: Application, call: ControlCall) -> Answer:
    """A person is gone."""
    return dict(await erase(app, call.tenant, call.body))


CALLS: Mapping[str, Callable[[Application, ControlCall], Awaitable[Answer]]] = {
    "getContractAsYaml": get_contract_as_yaml,
    "getContractAsJson": get_contract_as_json,
    "getControlAsYaml": get_control_as_yaml,
    "getControlAsJson": get_control_as_json,
    "getTenant": get_tenant,
    "deleteTenant": delete_tenant,
    "resetTenant": reset_tenant,
    "getForms": get_forms,
    "putForms": put_forms,
    "seedTenant": seed_tenant,
    "getState": get_state,
    "putState": put_state,
    "getClock": get_clock,
    "putClock": put_clock,
    "advanceClock": advance_clock,
    "getChannels": get_channels,
    "putChannels": put_channels,
    "createToken": create_token,
    "createCode": create_code,
    "createLinks": create_links,
    "anonymize": anonymize,
}
