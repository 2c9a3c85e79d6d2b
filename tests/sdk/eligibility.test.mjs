// May this person be written to, and which link comes with an answer. [wix-facts 7.4 to 7.6]
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IDENTIFIERS, STATES, appClient, consent, invalid, refusedWith } from './support.mjs';

const API = 'https://www.wixapis.com/marketing-consent/v1/marketing-consent';

// [state] → is the person eligible, by type of identifier
const ELIGIBLE = {
  CONFIRMED: { EMAIL: true, PHONE: true },
  REVOKED: { EMAIL: false, PHONE: false },
  NEVER_CONFIRMED: { EMAIL: true, PHONE: false },
  PENDING: { EMAIL: false, PHONE: false },
  UNKNOWN_STATE: { EMAIL: true, PHONE: false },
};

const LINK = {
  PENDING: { type: 'CONFIRMATION', page: 'subscribe' },
  CONFIRMED: { type: 'REVOKE_CONFIRMATION', page: 'unsubscribe' },
};

// JWE. and a compact JWE: five parts, the encrypted key among them
const LINK_URL = (page) => new RegExp(`^https?://[^?]+/_manage-consent/${page}\\?token=JWE\\.[\\w-]+(\\.[\\w-]+){4}$`);

function assertLink(link, { type, page }) {
  assert.equal(link.type, type);
  assert.match(link.url, LINK_URL(page));
}

const linkTo = (state) => (LINK[state] ? `a ${LINK[state].type} link` : 'no link');

const storedAs = async (consents, state, details) =>
  (await consents.upsertMarketingConsent(consent({ state, details: { ...details } }))).marketingConsent;

const lookUp = (consents, { type, ...identifier }, more = {}) =>
  consents.getMarketingConsentByIdentifier(type, { ...identifier, ...more });

test('the table of eligibility covers every state', () => {
  assert.deepEqual(Object.keys(ELIGIBLE).sort(), [...STATES].sort());
});

for (const [state, byType] of Object.entries(ELIGIBLE)) {
  for (const [type, granted] of Object.entries(byType)) {
    test(`a ${type} consent that is ${state} is ${granted ? '' : 'not '}eligible for communication`, async () => {
      const { consents } = appClient();
      const marketingConsent = await storedAs(consents, state, IDENTIFIERS[type]);
      const found = await lookUp(consents, IDENTIFIERS[type]);
      assert.deepEqual(found.marketingConsent, marketingConsent);
      const eligibility = found.communicationEligibility;
      assert.equal(eligibility.granted, granted);
      if (granted) {
        assert.equal(eligibility.reason ?? '', '');
        assert.match(eligibility.revokeConfirmationLink, LINK_URL('unsubscribe'));
      } else {
        assert.match(eligibility.reason, /\S/, 'a refusal without a reason');
        assert.equal(eligibility.revokeConfirmationLink ?? null, null);
      }
    });

    test(`upsert of a ${type} consent as ${state} gives ${linkTo(state)}`, async () => {
      const { consents } = appClient();
      const { link } = await consents.upsertMarketingConsent(consent({ state, details: { ...IDENTIFIERS[type] } }));
      if (LINK[state]) assertLink(link, LINK[state]);
      else assert.equal(link ?? null, null);
    });

    test(`bulk upsert of a ${type} consent as ${state} gives ${linkTo(state)}`, async () => {
      const { consents } = appClient();
      const { results } = await consents.bulkUpsertMarketingConsent([consent({ state, details: { ...IDENTIFIERS[type] } })]);
      if (LINK[state]) assertLink(results[0].link, LINK[state]);
      else assert.equal(results[0].link ?? null, null);
    });

    // The SDK's own update drops the link, so this asks through its fetch.
    test(`update of a ${type} consent to ${state} gives ${linkTo(state)}`, async () => {
      const client = appClient();
      const start = state === 'NEVER_CONFIRMED' ? 'UNKNOWN_STATE' : 'NEVER_CONFIRMED';
      const { _id } = await storedAs(client.consents, start, IDENTIFIERS[type]);
      // An email consent cannot be told to become unknown, so it has to be unknown from the start.
      const target = state === 'UNKNOWN_STATE' && type === 'EMAIL' ? await becomeUnknown(client, _id) : _id;
      const response = await client.fetchWithAuth(`${API}/${target}`, {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ marketingConsent: consent({ state, details: { ...IDENTIFIERS[type] } }) }),
      });
      const { marketingConsent, link } = await response.json();
      assert.equal(marketingConsent.state, state);
      if (LINK[state]) assertLink(link, LINK[state]);
      else assert.equal(link ?? null, null);
    });
  }
}

async function becomeUnknown(client, id) {
  await client.consents.deleteMarketingConsent(id);
  return (await storedAs(client.consents, 'UNKNOWN_STATE', IDENTIFIERS.EMAIL))._id;
}

// The SDK's own create drops the link too.
test('create gives a link to revoke, since what it stores is confirmed', async () => {
  const response = await appClient().fetchWithAuth(API, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ marketingConsent: consent({ state: 'PENDING' }) }),
  });
  assertLink((await response.json()).link, LINK.CONFIRMED);
});

test('the language of the link may be chosen', async () => {
  const { consents } = appClient();
  await storedAs(consents, 'CONFIRMED', IDENTIFIERS.PHONE);
  const { communicationEligibility } = await lookUp(consents, IDENTIFIERS.PHONE, { linkLanguage: 'de' });
  assert.match(communicationEligibility.revokeConfirmationLink, LINK_URL('unsubscribe'));
});

for (const [type, details] of Object.entries(IDENTIFIERS)) {
  test(`an unknown ${type} has no consent`, async () => {
    await refusedWith(lookUp(appClient().consents, details), { status: 404, code: 'NOT_FOUND', text: /not found|no .*consent/i });
  });
}

test('look-up by type alone is refused, naming the missing email', async () => {
  await invalid(appClient().consents.getMarketingConsentByIdentifier('EMAIL', {}), 'options.email');
});

test('look-up by type alone is refused, naming the missing phone', async () => {
  await invalid(appClient().consents.getMarketingConsentByIdentifier('PHONE', {}), 'options.phone');
});

test('look-up by email and phone at once is refused', async () => {
  const { type, email } = IDENTIFIERS.EMAIL;
  const { phone } = IDENTIFIERS.PHONE;
  await assert.rejects(
    appClient().consents.getMarketingConsentByIdentifier(type, { email, phone }),
    (error) => error.status === 400 && /phone/.test(error.message),
  );
});

test('look-up of an email with the type PHONE is refused', async () => {
  await assert.rejects(
    appClient().consents.getMarketingConsentByIdentifier('PHONE', { email: 'ada@example.com' }),
    (error) => error.status === 400 && error.details.validationError.fieldViolations.length > 0,
  );
});

test('look-up without a type is refused, naming it', async () => {
  await invalid(appClient().consents.getMarketingConsentByIdentifier(undefined, { email: 'ada@example.com' }), 'type');
});

test('look-up with an unknown type is refused, naming it', async () => {
  await invalid(appClient().consents.getMarketingConsentByIdentifier('FAX', { email: 'ada@example.com' }), 'type');
});
