// Followed social channels, as members and visitors see them. [wix-facts 1.3, 2.2, 4.1, 7.8]
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import * as published from '@wix/auto_sdk_loyalty_social-media';
import {
  CHANNELS, GUID, IDENTIFIERS, apiKeyClient, appClient, consent, control, identityClient, invalid, memberClient, refusedWith,
  revocation, visitorClient,
} from './support.mjs';

const FOLLOWERS = { member: () => memberClient(), visitor: () => visitorClient() };

const follow = (client, channel) => client.socialMedia.createFollowedChannel({ channel });
const followed = async (client) => (await client.socialMedia.listFollowedChannels()).followedChannels;

test('the SDK knows the five channels and no other', () => {
  assert.deepEqual(Object.values(published.Type), CHANNELS);
});

for (const [identity, connect] of Object.entries(FOLLOWERS)) {
  test(`a ${identity} follows nothing at first`, async () => {
    assert.deepEqual(await followed(await connect()), []);
  });

  for (const channel of CHANNELS) {
    test(`a ${identity} can follow ${channel}`, async () => {
      const client = await connect();
      const entity = await follow(client, channel);
      assert.deepEqual(Object.keys(entity).sort(), ['_createdDate', '_id', 'accountId', 'channel']);
      assert.match(entity._id, GUID);
      assert.match(entity.accountId, GUID);
      assert.equal(entity.channel, channel);
      assert.ok(entity._createdDate instanceof Date, 'the SDK makes the date a Date');
      assert.ok(Math.abs(Date.now() - entity._createdDate) < 60_000);
      assert.deepEqual(await followed(client), [entity]);
    });
  }

  test(`a ${identity} cannot follow the same channel twice`, async () => {
    const client = await connect();
    await follow(client, 'X');
    await refusedWith(follow(client, 'X'), { status: 409, code: 'ALREADY_EXISTS', text: /X|follow/ });
    assert.equal((await followed(client)).length, 1);
  });

  test(`a ${identity} may not touch consents`, async () => {
    const { consents } = await connect();
    const forbidden = { status: 403, code: 'PERMISSION_DENIED', text: /\S/ };
    await refusedWith(consents.getMarketingConsent(randomUUID()), forbidden);
    await refusedWith(consents.getMarketingConsentByIdentifier('EMAIL', { email: 'ada@example.com' }), forbidden);
    await refusedWith(consents.createMarketingConsent(consent()), forbidden);
    await refusedWith(consents.updateMarketingConsent(randomUUID(), { marketingConsent: consent() }), forbidden);
    await refusedWith(consents.deleteMarketingConsent(randomUUID()), forbidden);
    await refusedWith(
      consents.removeMarketingConsent({ ...IDENTIFIERS.EMAIL }, { lastRevokeActivity: revocation() }), forbidden,
    );
    await refusedWith(consents.queryMarketingConsent().find(), forbidden);
    await refusedWith(consents.upsertMarketingConsent(consent()), forbidden);
    await refusedWith(consents.bulkUpsertMarketingConsent([consent()]), forbidden);
  });
}

test('all five channels can be followed, and the newest comes first', async () => {
  const client = await memberClient();
  const entities = [];
  for (const channel of CHANNELS) entities.push(await follow(client, channel));
  assert.deepEqual((await followed(client)).map(({ channel }) => channel), [...CHANNELS].reverse());
  assert.equal(new Set(entities.map(({ _id }) => _id)).size, 5);
  assert.equal(new Set(entities.map(({ accountId }) => accountId)).size, 1);
});

test('two members have two accounts and do not see each other', async () => {
  const instance = randomUUID();
  const [ada, grace] = [await memberClient({ instance }), await memberClient({ instance })];
  const entity = await follow(ada, 'FACEBOOK');
  assert.deepEqual(await followed(grace), []);
  assert.notEqual((await follow(grace, 'FACEBOOK')).accountId, entity.accountId);
});

test('a member keeps the account from one login to the next', async () => {
  const member = { instance: randomUUID(), memberId: randomUUID() };
  const entity = await follow(await memberClient(member), 'TIKTOK');
  assert.deepEqual(await followed(await memberClient(member)), [entity]);
});

test('two visitors have two accounts', async () => {
  const instance = randomUUID();
  await follow(await visitorClient(instance), 'X');
  assert.deepEqual(await followed(await visitorClient(instance)), []);
});

test('one visitor keeps one account over many calls', async () => {
  const client = await visitorClient();
  const entities = [await follow(client, 'X'), await follow(client, 'LINKEDIN')];
  assert.equal(entities[0].accountId, entities[1].accountId);
});

for (const identity of ['MEMBER', 'VISITOR']) {
  test(`a channel the site owner has switched off cannot be followed by a ${identity}`, async () => {
    const instance = randomUUID();
    await control('PUT', '/channels', { instance, body: { channels: ['X', 'FACEBOOK'] } });
    const client = await identityClient(identity, { instance, memberId: identity === 'MEMBER' ? randomUUID() : undefined });
    await refusedWith(follow(client, 'TIKTOK'), { status: 428, code: 'FAILED_PRECONDITION', text: /TIKTOK/ });
    assert.equal((await follow(client, 'X')).channel, 'X');
  });
}

test('without the loyalty app on the site nothing can be followed', async () => {
  const instance = randomUUID();
  await control('PUT', '/channels', { instance, body: { loyaltyInstalled: false } });
  const client = await identityClient('MEMBER', { instance, memberId: randomUUID() });
  await refusedWith(follow(client, 'X'), { status: 428, code: 'FAILED_PRECONDITION', text: /[Ll]oyalty/ });
});

test('a channel that was followed stays in the list when it is switched off', async () => {
  const instance = randomUUID();
  const client = await identityClient('MEMBER', { instance, memberId: randomUUID() });
  const entity = await follow(client, 'INSTAGRAM');
  await control('PUT', '/channels', { instance, body: { channels: ['X'] } });
  assert.deepEqual(await followed(client), [entity]);
});

for (const [name, client] of [['an app', () => appClient()], ['a Wix user with an API key', () => apiKeyClient()]]) {
  test(`${name} has no account, so it may neither list nor follow`, async () => {
    const forbidden = { status: 403, code: 'PERMISSION_DENIED', text: /\S/ };
    await refusedWith(client().socialMedia.listFollowedChannels(), forbidden);
    await refusedWith(follow(client(), 'X'), forbidden);
  });
}

test('a channel that does not exist is refused, naming it', async () => {
  const [violation] = await invalid(follow(await memberClient(), 'MYSPACE'), 'followedChannel.channel');
  assert.match(violation.description, /FACEBOOK|MYSPACE/);
});

test('following nothing in particular is refused, naming what is missing', async () => {
  const client = await memberClient();
  await invalid(client.socialMedia.createFollowedChannel({}), 'followedChannel.channel');
  await invalid(client.socialMedia.createFollowedChannel(undefined), 'followedChannel');
});

test('the server sets ID, account and date, whatever the caller says', async () => {
  const client = await memberClient();
  const wished = randomUUID();
  const entity = await client.socialMedia.createFollowedChannel({
    channel: 'X', _id: wished, accountId: wished, _createdDate: new Date(0),
  });
  assert.notEqual(entity._id, wished);
  assert.notEqual(entity.accountId, wished);
  assert.notEqual(entity._createdDate.getTime(), 0);
});
