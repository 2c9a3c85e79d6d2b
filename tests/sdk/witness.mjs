// What the installed SDK says of the two APIs, as one line of JSON: a witness beside spec/openapi.yaml.
//
// Enums and events are read from what the packages export. Requests are what the SDK really sends: every operation
// is called on a client whose fetch is a recorder, so nothing leaves this process. Fields are the property names
// of the interfaces that the packages declare. `test_witness.py` compares all of it with the contract.
//
// What the SDK no longer has is left out, and an operation that fails says why; the comparison puts it into words.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { createClient } from '@wix/sdk';

const CONSENTS = '@wix/marketing_marketing-consent';
const CHANNELS = '@wix/auto_sdk_loyalty_social-media';

const ID = 'aa8a62f5-9a79-4b21-b1a4-5c835c08d937';
const WHEN = new Date('2024-01-01T00:00:00.000Z');

// Fresh objects each time: the SDK renames keys in what it is given. All fields are set, so all names are seen.
const details = (type = 'EMAIL') =>
  ({ type, ...(type === 'EMAIL' ? { email: 'ada@example.com' } : { phone: '+19172222222' }) });
const activity = (more) => ({ source: 'FORM', description: 'A form.', _updatedDate: WHEN, ...more });
const consent = (type) => ({
  _id: ID, revision: '1', details: details(type), state: 'CONFIRMED', _createdDate: WHEN, _updatedDate: WHEN,
  lastConfirmationActivity: activity({ optInLevel: 'SINGLE_CONFIRMATION' }), lastRevokeActivity: activity(),
  extendedFields: { namespaces: {} },
});

// The calls of each operation, and the least that answers them.
const OPERATIONS = {
  [CONSENTS]: {
    getMarketingConsent: [{ marketingConsent: {} }, (call) => call(ID)],
    getMarketingConsentByIdentifier: [
      { marketingConsent: {}, communicationEligibility: {} },
      (call) => call('EMAIL', { email: 'ada@example.com', linkLanguage: 'en' }),
      (call) => call('PHONE', { phone: '+19172222222' }),
    ],
    createMarketingConsent: [
      { marketingConsent: {} }, (call) => call(consent('EMAIL')), (call) => call(consent('PHONE')),
    ],
    updateMarketingConsent: [{ marketingConsent: {} }, (call) => call(ID, { marketingConsent: consent() })],
    deleteMarketingConsent: [{}, (call) => call(ID)],
    removeMarketingConsent: [
      { marketingConsent: {} }, (call) => call(details(), { lastRevokeActivity: activity() }),
    ],
    queryMarketingConsent: [
      { marketingConsent: [], pagingMetadata: { count: 0, cursors: {}, hasNext: false } },
      (call) => call().find(),
      (call) => call().eq('details.email', 'ada@example.com').limit(10).find(),
      (call) => call().ascending('createdDate').find(),
      (call) => call().skipTo('cursor').find(),
    ],
    upsertMarketingConsent: [{ marketingConsent: {} }, (call) => call(consent())],
    bulkUpsertMarketingConsent: [
      { results: [], metadata: { totalSuccess: 0, totalFailure: 0 } }, (call) => call([consent(), consent('PHONE')]),
    ],
  },
  [CHANNELS]: {
    listFollowedChannels: [{ followedChannels: [] }, (call) => call()],
    createFollowedChannel: [
      { followedChannel: {} }, (call) => call({ _id: ID, accountId: ID, channel: 'X', _createdDate: WHEN }),
    ],
  },
};

// A package as an application gets it: the consents' one is the dependency of the umbrella package.
const here = createRequire(import.meta.url);
const REQUIRE = { [CONSENTS]: createRequire(here.resolve('@wix/marketing')), [CHANNELS]: here };

function folderOf(name) {
  let folder = dirname(REQUIRE[name].resolve(name));
  while (!existsSync(join(folder, 'package.json')) || read(folder).name !== name) folder = dirname(folder);
  return folder;
}

const read = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

function enumsOf(module) {
  const isEnum = (value) =>
    typeof value === 'object' && value !== null && Object.values(value).every((member) => typeof member === 'string');
  return collect(module, isEnum, Object.values);
}

const eventsOf = (module) =>
  collect(module, (value) => value?.__type === 'event-definition' || value?.isDomainEvent, (event) => event.type);

const operationsOf = (module) =>
  Object.keys(module).filter((name) => typeof module[name] === 'function' && !/^(publicOn|on)[A-Z]/.test(name));

const collect = (module, wanted, show) => Object.fromEntries(
  Object.keys(module).filter((name) => wanted(module[name])).map((name) => [name, show(module[name])]),
);

async function requestsOf(module, operations) {
  const sent = [];
  let answer;
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const text = await request.text();
    sent.push({
      method: request.method,
      path: url.pathname.replaceAll(ID, '{id}'),
      query: [...new Set(url.searchParams.keys())],
      body: text ? JSON.parse(text) : null,
    });
    return Response.json(answer);
  };
  const auth = { getAuthHeaders: async () => ({ headers: { Authorization: 'token' } }) };
  const client = createClient({ modules: { module }, auth });

  const found = {};
  for (const [name, [body, ...calls]] of Object.entries(operations)) {
    if (typeof module[name] !== 'function') continue;
    answer = body;
    found[name] = { sent: [], error: null };
    for (const call of calls) {
      try {
        await call(client.module[name]);
      } catch (error) {
        found[name].error ??= String(error?.message ?? error).split('\n')[0];
      }
      found[name].sent.push(...sent.splice(0));
    }
  }
  return found;
}

// The interfaces of the declarations that a package's entry leads to. One line holds one property, indented once;
// what an inline type or a comment holds is indented further or starts otherwise.
function fieldsOf(folder) {
  const { types, typings } = read(folder);
  const own = {};
  const parents = {};
  for (const file of declarations(join(folder, types ?? typings))) {
    let current;
    for (const line of readFileSync(file, 'utf8').split(/\r?\n/)) {
      const head = /^(?:export )?(?:declare )?interface (\w+)(?:<.*>)?(?: extends ([\w, ]+))? \{(\})?$/.exec(line);
      if (head) {
        current = head[3] ? undefined : head[1];
        own[head[1]] ??= new Set();
        parents[head[1]] = (head[2] ?? '').split(/, */).filter(Boolean);
      } else if (line === '}') {
        current = undefined;
      } else if (current) {
        const property = /^ {4}(?:readonly )?(\w+)\??: /.exec(line);
        if (property) own[current].add(property[1]);
      }
    }
  }
  const all = (name) => [...(own[name] ?? []), ...(parents[name] ?? []).flatMap(all)];
  return Object.fromEntries(Object.keys(own).map((name) => [name, [...new Set(all(name))]]));
}

function declarations(entry) {
  const found = new Set();
  const follow = (file) => {
    if (found.has(file) || !existsSync(file)) return;
    found.add(file);
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(/ from '(\.[^']*)'/g)) {
      follow(resolve(dirname(file), `${specifier.replace(/\.js$/, '')}.d.ts`));
    }
  };
  follow(entry);
  return found;
}

async function question(name) {
  const folder = folderOf(name);
  const module = REQUIRE[name](name);
  return {
    version: read(folder).version,
    enums: enumsOf(module),
    events: eventsOf(module),
    operations: operationsOf(module),
    requests: await requestsOf(module, OPERATIONS[name]),
    fields: fieldsOf(folder),
  };
}

const witness = {};
for (const name of Object.keys(OPERATIONS)) {
  try {
    witness[name] = await question(name);
  } catch (error) {
    console.error(`${name} is not built as the witness knows it: ${error.message.split('\n')[0]}`);
    process.exit(1);
  }
}
process.stdout.write(`${JSON.stringify(witness)}\n`);
