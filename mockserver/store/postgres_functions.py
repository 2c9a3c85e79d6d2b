"""What a commit does, as functions in the database: one statement, one way there and back, all of it or nothing.

They belong to the layout: whoever changes one gives the layout its next version.
"""

from __future__ import annotations

from wixture.mockserver.store.postgres_tables import OF_TENANTS

LOST, TAKEN, CHANGED = "WX001", "WX002", "WX003"
"""What a commit raises, or answers where it is its first change: Conflict, IdTaken, RecordChanged."""

# A tenant is given its number by its first write.
_NUMBER_OF = """
CREATE FUNCTION wixture.number_of(instance text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE number integer;
BEGIN
  LOOP
    SELECT tenant INTO number FROM wixture.tenants WHERE instance_id = instance;
    IF FOUND THEN RETURN number; END IF;
    INSERT INTO wixture.tenants (instance_id) VALUES (instance) ON CONFLICT DO NOTHING;
  END LOOP;
END $$
"""

# Batches lock what they change in one order, so that they seldom wait for each other in a circle.
# Of a conflict at the first change nothing is to be undone: it is answered, as an exception would fill the
# database's log. `account` and `channel` of a followed channel come as `email` and `phone`.
_WRITE = """
CREATE FUNCTION wixture.{prefix}write(
  of_tenant integer, kinds text[], ids text[], emails text[], phones text[], states text[], createds text[],
  updateds text[], revisions bigint[], bases bigint[], bodies bytea[]
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE one record; verdict text;
BEGIN
  IF cardinality(ids) BETWEEN 2 AND 1000 THEN
    PERFORM FROM wixture.{prefix}consents WHERE tenant = of_tenant AND id = ANY(ids) ORDER BY id FOR UPDATE;
  END IF;
  FOR one IN
    SELECT * FROM unnest(kinds, ids, emails, phones, states, createds, updateds, revisions, bases, bodies)
    WITH ORDINALITY AS made (kind, id, email, phone, state, created, updated, revision, base, body, place)
  LOOP
    IF one.kind = 'c+' THEN
      INSERT INTO wixture.{prefix}consents VALUES (of_tenant, one.id, one.email, one.phone, one.state, one.created,
        one.updated, one.revision, one.body) ON CONFLICT DO NOTHING;
    ELSIF one.kind = 'c~' THEN
      UPDATE wixture.{prefix}consents SET state = one.state, updated = one.updated, revision = one.revision,
        body = one.body WHERE tenant = of_tenant AND id = one.id AND revision = one.base;
    ELSIF one.kind = 'c-' THEN
      DELETE FROM wixture.{prefix}consents WHERE tenant = of_tenant AND id = one.id AND revision = one.base;
    ELSIF one.kind = 'f+' THEN
      INSERT INTO wixture.{prefix}channels VALUES (of_tenant, one.email, one.phone, one.id, one.created, (
        SELECT COALESCE(MAX(position), 0) + 1 FROM wixture.{prefix}channels
        WHERE tenant = of_tenant AND account = one.email
      ), one.body) ON CONFLICT DO NOTHING;
    ELSE
      DELETE FROM wixture.{prefix}channels WHERE tenant = of_tenant AND id = one.id;
      CONTINUE;
    END IF;
    CONTINUE WHEN FOUND;
    verdict := CASE WHEN
      one.kind = 'c+' AND EXISTS (SELECT FROM wixture.{prefix}consents WHERE tenant = of_tenant AND id = one.id)
      OR one.kind = 'f+' AND EXISTS (SELECT FROM wixture.{prefix}channels WHERE tenant = of_tenant AND id = one.id)
      THEN 'WX002' ELSE 'WX001' END;
    IF one.place = 1 THEN RETURN verdict; END IF;
    RAISE EXCEPTION USING ERRCODE = verdict, MESSAGE = 'a change does not hold', DETAIL = one.place - 1;
  END LOOP;
  RETURN NULL;
END $$
"""

# A delivery in its turn lets go of what was held back for the next one of its subscription: right after itself.
_TELL = """
CREATE FUNCTION wixture.tell(
  of_tenant integer, event_ids text[], names text[], entities text[], times bigint[], event_bodies bytea[],
  identities bytea[], of_events integer[], delivery_ids text[], event_names text[], subscriptions text[],
  urls text[], statuses text[], dues bigint[], ranks integer[], tampers text[], faults text[], tries bytea[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE positions bigint[]; one record; held bigint;
BEGIN
  WITH made AS (
    INSERT INTO wixture.events (tenant, id, name, entity, time, body, identity)
    SELECT of_tenant, * FROM unnest(event_ids, names, entities, times, event_bodies, identities)
    RETURNING position
  ) SELECT array_agg(position ORDER BY position) INTO positions FROM made;
  IF of_events IS NULL THEN RETURN; END IF;
  FOR one IN
    SELECT * FROM unnest(of_events, delivery_ids, event_names, subscriptions, urls, statuses, dues, ranks, tampers,
      faults, tries) AS made (of_event, id, event, subscription, url, status, due, rank, tamper, fault, tries)
  LOOP
    INSERT INTO wixture.deliveries (tenant, event_position, id, event, subscription, url, status, due, rank,
      tamper, fault, attempts) VALUES (of_tenant, positions[one.of_event], one.id, one.event, one.subscription,
      one.url, one.status, one.due, one.rank, one.tamper, one.fault, one.tries);
    CONTINUE WHEN one.rank <> 0 OR one.status <> 'pending';
    FOR held IN
      SELECT position FROM wixture.deliveries WHERE tenant = of_tenant AND subscription = one.subscription
      AND status = 'pending' AND rank > 0 AND event <> one.event AND attempts = '\\x5b5d' ORDER BY position
    LOOP
      UPDATE wixture.deliveries SET due = one.due, rank = 0, position = nextval('wixture.places')
      WHERE position = held AND rank > 0;
    END LOOP;
  END LOOP;
END $$
"""

_KEEP = """
CREATE FUNCTION wixture.keep(of_tenant integer, new_record bytea, based_on bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE kept bigint;
BEGIN
  UPDATE wixture.tenants SET record = new_record, version = nextval('wixture.versions')
  WHERE tenant = of_tenant AND (based_on IS NULL OR version = based_on) RETURNING version INTO kept;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'WX003', MESSAGE = 'the record is another one by now';
  END IF;
  RETURN kept;
END $$
"""

_COMMIT = """
CREATE FUNCTION wixture.commit(
  instance text, kinds text[], ids text[], emails text[], phones text[], states text[], createds text[],
  updateds text[], revisions bigint[], bases bigint[], bodies bytea[],
  event_ids text[], names text[], entities text[], times bigint[], event_bodies bytea[], identities bytea[],
  of_events integer[], delivery_ids text[], event_names text[], subscriptions text[], urls text[],
  statuses text[], dues bigint[], ranks integer[], tampers text[], faults text[], tries bytea[],
  seen_at bigint, unseen bytea[], new_record bytea, based_on bigint, OUT verdict text, OUT version bigint
) LANGUAGE plpgsql AS $$
DECLARE of_tenant integer;
BEGIN
  of_tenant := wixture.number_of(instance);
  verdict := wixture.write(
    of_tenant, kinds, ids, emails, phones, states, createds, updateds, revisions, bases, bodies
  );
  IF verdict IS NOT NULL THEN RETURN; END IF;
  IF unseen IS NOT NULL THEN
    INSERT INTO wixture.pending (tenant, due, change) SELECT of_tenant, seen_at, * FROM unnest(unseen);
  END IF;
  IF event_ids IS NOT NULL THEN
    PERFORM wixture.tell(
      of_tenant, event_ids, names, entities, times, event_bodies, identities, of_events, delivery_ids, event_names,
      subscriptions, urls, statuses, dues, ranks, tampers, faults, tries
    );
  END IF;
  IF new_record IS NOT NULL THEN version := wixture.keep(of_tenant, new_record, based_on); END IF;
END $$
"""

_CLEAR = f"""
CREATE FUNCTION wixture.clear(of_tenant integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  {" ".join(f"DELETE FROM wixture.{table} WHERE tenant = of_tenant;" for table in OF_TENANTS)}
  UPDATE wixture.tenants SET events_gone = 0 WHERE tenant = of_tenant;
END $$
"""  # noqa: S608

# By the clock of the database: those of machines differ.
_CLAIM = """
CREATE FUNCTION wixture.claim(instance text, lane text, claimer text, long bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE of_tenant integer; mine record; until timestamptz;
BEGIN
  of_tenant := wixture.number_of(instance);
  until := clock_timestamp() + long * interval '1 microsecond';
  SELECT worker, ends INTO mine FROM wixture.lanes WHERE tenant = of_tenant AND url = lane
  AND (worker = claimer OR ends < clock_timestamp()) FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE wixture.lanes SET worker = claimer, ends = until WHERE tenant = of_tenant AND url = lane;
    RETURN true;
  END IF;
  INSERT INTO wixture.lanes VALUES (of_tenant, lane, claimer, until) ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$
"""

FUNCTIONS = (
    _NUMBER_OF,
    *(_WRITE.format(prefix=prefix) for prefix in ("", "seen_")),
    _TELL,
    _KEEP,
    _COMMIT,
    _CLEAR,
    _CLAIM,
)
"""All of them, as statements, each after those that it calls."""
