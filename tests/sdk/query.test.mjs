// Queries through the SDK's builder: conditions, order, pages. [wix-facts 0, 1.2, 7.7]
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { appClient, consent, control, emailConsent, invalid, pagesOf } from './support.mjs';

// Two phones and five addresses; each was created a day after the one above it, and updated the other way round.
const SEEDED = [
  ['ada@example.com', 'CONFIRMED'],
  ['Grace@Example.com', 'PENDING'],
  ['gloria@example.org', 'REVOKED'],
  ['+19172222222', 'CONFIRMED'],
  ['hedy@example.org', 'NEVER_CONFIRMED'],
  ['+445168993333', 'UNKNOWN_STATE'],
  ['katherine@example.com', 'CONFIRMED'],
].map(([identifier, state], index) => ({
  ...consent({
    state,
    details: identifier.startsWith('+') ? { type: 'PHONE', phone: identifier } : { type: 'EMAIL', email: identifier },
  }),
  createdDate: `2024-03-0${index + 1}T12:00:00.000Z`,
  updatedDate: `2024-05-0${7 - index}T12:00:00.000Z`,
}));

const ALL = SEEDED.map(({ details }) => details.email ?? details.phone);
const march = (day) => new Date(Date.UTC(2024, 2, day, 12));
const identifiers = (items) => items.map(({ details }) => details.email ?? details.phone);

// Most tests of this file only read, so they share one tenant; `empty` is a site without consents.
const readers = randomUUID();
const shared = appClient(readers).consents;
const empty = appClient().consents;

before(() => control('POST', '/seed', { instance: readers, body: { marketingConsents: SEEDED } }));

describe('conditions', () => {
  const CONDITIONS = [
    ['eq on state finds what has it', (query) => query.eq('state', 'PENDING'), ['Grace@Example.com']],
    ['ne on state finds all others', (query) => query.ne('state', 'CONFIRMED'),
      ['Grace@Example.com', 'gloria@example.org', 'hedy@example.org', '+445168993333']],
    ['in on state finds any of them', (query) => query.in('state', ['PENDING', 'REVOKED']),
      ['Grace@Example.com', 'gloria@example.org']],
    ['eq on an email address', (query) => query.eq('details.email', 'ada@example.com'), ['ada@example.com']],
    ['eq on an email address does not mind letters or spaces', (query) => query.eq('details.email', ' GRACE@example.com '),
      ['Grace@Example.com']],
    ['in on email addresses does not mind letters', (query) => query.in('details.email', ['ADA@example.com', 'hedy@example.org']),
      ['ada@example.com', 'hedy@example.org']],
    ['startsWith on an email address does not mind letters', (query) => query.startsWith('details.email', 'G'),
      ['Grace@Example.com', 'gloria@example.org']],
    ['eq on a phone number', (query) => query.eq('details.phone', '+19172222222'), ['+19172222222']],
    ['in on phone numbers', (query) => query.in('details.phone', ['+19172222222', '+10000000000']), ['+19172222222']],
    ['startsWith on a phone number', (query) => query.startsWith('details.phone', '+44'), ['+445168993333']],
    ['gt on a date', (query) => query.gt('_createdDate', march(5)), ['+445168993333', 'katherine@example.com']],
    ['ge on a date', (query) => query.ge('_createdDate', march(5)),
      ['hedy@example.org', '+445168993333', 'katherine@example.com']],
    ['lt on a date', (query) => query.lt('_createdDate', march(2)), ['ada@example.com']],
    ['le on a date', (query) => query.le('_createdDate', march(2)), ['ada@example.com', 'Grace@Example.com']],
    ['eq on a date', (query) => query.eq('_createdDate', march(3)), ['gloria@example.org']],
    ['ne on a date', (query) => query.ne('_createdDate', march(3)),
      ALL.filter((each) => each !== 'gloria@example.org')],
    ['between takes its lower end in and leaves its upper end out', (query) => query.between('_createdDate', march(3), march(5)),
      ['gloria@example.org', '+19172222222']],
    ['lt on the date of the last change', (query) => query.lt('_updatedDate', new Date('2024-05-02T00:00:00Z')),
      ['katherine@example.com']],
    ['exists on a phone number', (query) => query.exists('details.phone'), ['+19172222222', '+445168993333']],
    ['exists false on a phone number', (query) => query.exists('details.phone', false),
      ALL.filter((each) => !each.startsWith('+'))],
    ['isEmpty on an email address', (query) => query.isEmpty('details.email'), ['+19172222222', '+445168993333']],
    ['isNotEmpty on an email address', (query) => query.isNotEmpty('details.email'),
      ALL.filter((each) => !each.startsWith('+'))],
    ['two conditions must both hold', (query) => query.eq('state', 'CONFIRMED').exists('details.email'),
      ['ada@example.com', 'katherine@example.com']],
    ['and joins two queries', (query, fresh) => query.eq('state', 'CONFIRMED').and(fresh().startsWith('details.email', 'k')),
      ['katherine@example.com']],
    ['or takes either', (query, fresh) => query.eq('state', 'PENDING').or(fresh().eq('state', 'REVOKED')),
      ['Grace@Example.com', 'gloria@example.org']],
    ['not takes the rest', (query, fresh) => query.not(fresh().eq('state', 'CONFIRMED')),
      ['Grace@Example.com', 'gloria@example.org', 'hedy@example.org', '+445168993333']],
    ['or, and and not can be nested', (query, fresh) =>
      query.gt('_createdDate', march(1)).and(fresh().eq('state', 'CONFIRMED').or(fresh().not(fresh().exists('details.email')))),
      ['+19172222222', '+445168993333', 'katherine@example.com']],
    ['no condition finds everything', (query) => query, ALL],
    ['a condition that nothing meets finds nothing', (query) => query.eq('details.email', 'nobody@example.com'), []],
  ];

  for (const [name, build, expected] of CONDITIONS) {
    test(name, async () => {
      const fresh = () => shared.queryMarketingConsent();
      const found = await build(fresh(), fresh).find();
      assert.deepEqual(identifiers(found.items).sort(), [...expected].sort());
      assert.equal(found.length, expected.length);
      assert.equal(found.hasNext(), false);
    });
  }

  test('eq and in on the ID find the consents that have it', async () => {
    const { items } = await shared.queryMarketingConsent().find();
    const one = await shared.queryMarketingConsent().eq('_id', items[2]._id).find();
    assert.deepEqual(one.items, [items[2]]);
    const two = await shared.queryMarketingConsent().in('_id', [items[0]._id, items[4]._id, randomUUID()]).find();
    assert.deepEqual(two.items, [items[0], items[4]]);
  });

  test('an item of a query is the same as what get answers', async () => {
    const { items } = await shared.queryMarketingConsent().eq('details.email', 'ada@example.com').find();
    assert.deepEqual(items[0], await shared.getMarketingConsent(items[0]._id));
  });
});

describe('order', () => {
  test('without an order consents come by ID', async () => {
    const { items } = await shared.queryMarketingConsent().find();
    const ids = items.map(({ _id }) => _id);
    assert.deepEqual(ids, [...ids].sort());
  });

  for (const [field, oldestFirst] of [['_createdDate', ALL], ['_updatedDate', [...ALL].reverse()]]) {
    test(`ascending by ${field} gives the oldest first`, async () => {
      const { items } = await shared.queryMarketingConsent().ascending(field).find();
      assert.deepEqual(identifiers(items), oldestFirst);
    });

    test(`descending by ${field} gives the newest first`, async () => {
      const { items } = await shared.queryMarketingConsent().descending(field).find();
      assert.deepEqual(identifiers(items), [...oldestFirst].reverse());
    });
  }

  test('an order holds for the part a condition leaves', async () => {
    const { items } = await shared.queryMarketingConsent().eq('state', 'CONFIRMED').descending('_createdDate').find();
    assert.deepEqual(identifiers(items), ['katherine@example.com', '+19172222222', 'ada@example.com']);
  });
});

describe('pages', () => {
  const PAGES = [ALL.slice(0, 3), ALL.slice(3, 6), ALL.slice(6)];
  const inOrder = () => shared.queryMarketingConsent().ascending('_createdDate').limit(3);

  test('next leads through every page in order, and the last page ends', async () => {
    const pages = await pagesOf(inOrder());
    assert.deepEqual(pages.map(({ items }) => identifiers(items)), PAGES);
    await assert.rejects(pages.at(-1).next(), /No next page to fetch/);
  });

  test('prev leads back to the first page, each in its own order', async () => {
    const third = (await pagesOf(inOrder())).at(-1);
    const second = await third.prev();
    const first = await second.prev();
    assert.deepEqual([first, second, third].map(({ items }) => identifiers(items)), PAGES);
    assert.equal(first.hasPrev(), false);
    await assert.rejects(first.prev(), /No previous page to fetch/);
  });

  test('the first page has no page before it', async () => {
    const page = await inOrder().find();
    assert.equal(page.hasPrev(), false);
    assert.equal(page.cursors.prev, undefined);
  });

  test('forth and back gives the first page again', async () => {
    const first = await inOrder().find();
    assert.deepEqual((await (await first.next()).prev()).items, first.items);
  });

  test('a cursor carries condition and order to the next page', async () => {
    const first = await shared.queryMarketingConsent().eq('state', 'CONFIRMED').descending('_createdDate').limit(2).find();
    assert.deepEqual(identifiers(first.items), ['katherine@example.com', '+19172222222']);
    assert.deepEqual(identifiers((await first.next()).items), ['ada@example.com']);
  });

  test('skipTo goes on where an earlier request stopped, with a page size of its own', async () => {
    const { cursors } = await inOrder().find();
    const rest = await shared.queryMarketingConsent().skipTo(cursors.next).limit(100).find();
    assert.deepEqual(identifiers(rest.items), ALL.slice(3));
    assert.equal(rest.hasNext(), false);
  });

  test('a page that ends with the last consent has no next', async () => {
    assert.equal((await shared.queryMarketingConsent().limit(7).find()).hasNext(), false);
  });

  test('pages of one meet every consent once', async () => {
    const pages = await pagesOf(shared.queryMarketingConsent().limit(1));
    assert.deepEqual(pages.flatMap(({ items }) => identifiers(items)).sort(), [...ALL].sort());
  });

  test('a site without consents gives an empty page', async () => {
    const page = await empty.queryMarketingConsent().find();
    assert.deepEqual(page.items, []);
    assert.equal(page.hasNext(), false);
    assert.equal(page.hasPrev(), false);
  });

  test('without a limit a page holds fifty', async () => {
    const crowd = appClient().consents;
    await crowd.bulkUpsertMarketingConsent(Array.from({ length: 51 }, (_, index) => emailConsent(`reader${index}@example.com`)));
    const page = await crowd.queryMarketingConsent().find();
    assert.equal(page.length, 50);
    assert.equal(page.pageSize, 50);
    assert.equal((await page.next()).length, 1);
  });

  test('a page may hold a hundred', async () => {
    assert.equal((await shared.queryMarketingConsent().limit(100).find()).length, ALL.length);
  });

  test('consents created in the same moment are on one page each, never on two', async () => {
    const instance = randomUUID();
    const moment = '2024-03-01T12:00:00.000Z';
    const twins = Array.from({ length: 9 }, (_, index) => ({
      ...emailConsent(`twin${index}@example.com`), createdDate: moment, updatedDate: moment,
    }));
    await control('POST', '/seed', { instance, body: { marketingConsents: twins } });
    const pages = await pagesOf(appClient(instance).consents.queryMarketingConsent().descending('_createdDate').limit(4));
    const ids = pages.flatMap(({ items }) => items.map(({ _id }) => _id));
    assert.deepEqual([ids.length, new Set(ids).size], [9, 9]);
  });
});

describe('refusals', () => {
  // The SDK has no name for the argument of a query, so it writes "undefined" in front of the field.
  const REFUSED = [
    ['a condition on a field that cannot be filtered', (query) => query.eq('details.type', 'EMAIL'), 'filter.details.type', /\S/],
    ['a condition on a field that does not exist', (query) => query.eq('name', 'Ada'), 'filter.name', /\S/],
    ['startsWith on state', (query) => query.startsWith('state', 'C'), 'filter.state.$startsWith', /\S/],
    ['gt on an email address', (query) => query.gt('details.email', 'a'), 'filter.details.email.$gt', /\S/],
    ['endsWith', (query) => query.endsWith('details.email', '.com'), 'filter.details.email.$endsWith', /\S/],
    ['contains', (query) => query.contains('details.email', 'ada'), 'filter.details.email.$contains', /\S/],
    ['hasSome', (query) => query.hasSome('details.email', 'ada@example.com'), 'filter.details.email.$hasSome', /\S/],
    ['hasAll', (query) => query.hasAll('details.email', 'ada@example.com'), 'filter.details.email.$hasAll', /\S/],
    ['a state that does not exist', (query) => query.eq('state', 'MAYBE'), 'filter.state', /MAYBE/],
    ['a date that is none', (query) => query.gt('_createdDate', 'yesterday'), 'filter.createdDate.$gt', /yesterday/],
    ['order by state', (query) => query.ascending('state'), 'sort[0].fieldName', /createdDate, updatedDate/],
    ['order by ID', (query) => query.ascending('_id'), 'sort[0].fieldName', /createdDate, updatedDate/],
    ['a limit above a hundred', (query) => query.limit(101), 'cursorPaging.limit', /100/],
    ['a limit of nothing', (query) => query.limit(0), 'cursorPaging.limit', /1/],
    ['a limit below nothing', (query) => query.limit(-1), 'cursorPaging.limit', /1/],
    ['a cursor nobody gave out', (query) => query.skipTo('nonsense'), 'cursorPaging.cursor', /cursor/],
  ];

  for (const [name, build, field, text] of REFUSED) {
    test(`${name} is refused, saying which`, async () => {
      const [violation] = await invalid(build(shared.queryMarketingConsent()).find(), `undefined.${field}`);
      assert.match(violation.description, text);
    });
  }

  test('a cursor of another site is refused', async () => {
    const { cursors } = await shared.queryMarketingConsent().limit(1).find();
    await invalid(empty.queryMarketingConsent().skipTo(cursors.next).find(), 'undefined.cursorPaging.cursor');
  });

  test('a cursor with one character changed is refused', async () => {
    const { cursors } = await shared.queryMarketingConsent().limit(1).find();
    const middle = Math.floor(cursors.next.length / 2);
    const changed = cursors.next.slice(0, middle) + (cursors.next[middle] === 'A' ? 'B' : 'A') + cursors.next.slice(middle + 1);
    await invalid(shared.queryMarketingConsent().skipTo(changed).find(), 'undefined.cursorPaging.cursor');
  });
});
