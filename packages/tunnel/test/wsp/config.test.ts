import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readWspAgentConfig, readWspRelayConfig } from '@framewire/tunnel';

test('an empty file of either side has the defaults of wsp', () => {
  const relay = readWspRelayConfig(null, { requestToken: 'asked' });
  assert.deepEqual([relay.host, relay.port], ['127.0.0.1', 8080]);
  assert.deepEqual(relay.options, {
    timeout: 1_000,
    idleTimeout: 60_000,
    openRegistration: true,
    requestToken: 'asked',
    whitelist: [],
    blacklist: [],
  });
  const agent = readWspAgentConfig({});
  assert.deepEqual(agent.options, {
    id: undefined,
    targets: ['ws://127.0.0.1:8080/register'],
    poolIdleSize: 10,
    poolMaxSize: 100,
    secretKey: '',
    whitelist: [],
    blacklist: [],
  });
  assert.deepEqual([...relay.errors, ...agent.errors, ...agent.warnings], []);
});

test('every key of wsp_server.cfg is read', () => {
  const rule = { method: 'GET', url: 'http://app/.*', headers: { 'X-A': 'b' } };
  const file = {
    host: '0.0.0.0',
    port: 9090,
    timeout: 3_000,
    idletimeout: 5_000,
    secretkey: 'ThisIsASecret',
    whitelist: [rule],
    blacklist: [{ url: '.*secret.*' }],
  };
  const { host, port, options, errors, warnings } = readWspRelayConfig(file, {
    openRequests: true,
  });
  assert.deepEqual([host, port], ['0.0.0.0', 9090]);
  assert.deepEqual(options, {
    timeout: 3_000,
    idleTimeout: 5_000,
    secretKey: 'ThisIsASecret',
    openRequests: true,
    whitelist: [rule],
    blacklist: [{ method: undefined, url: '.*secret.*', headers: {} }],
  });
  assert.deepEqual([errors, warnings], [[], []]);
});

test('every key of wsp_client.cfg is read', () => {
  const { options, errors } = readWspAgentConfig({
    id: 'agent-1',
    targets: ['wss://relay.example/register'],
    poolidlesize: 1,
    poolmaxsize: 5,
    secretkey: 1234,
  });
  assert.deepEqual(errors, []);
  assert.equal(options.id, 'agent-1');
  assert.deepEqual(options.targets, ['wss://relay.example/register']);
  assert.deepEqual([options.poolIdleSize, options.poolMaxSize], [1, 5]);
  assert.equal(options.secretKey, '1234');
});

test('an unknown key is a warning that names the nearest one', () => {
  const { warnings } = readWspAgentConfig({ poolIdleSize: 1, poolMinSize: 2, colour: 'red' });
  assert.deepEqual(warnings, [
    { key: 'poolIdleSize', message: 'is not known, and ignored; did you mean poolidlesize?' },
    { key: 'poolMinSize', message: 'is not known, and ignored; did you mean poolmaxsize?' },
    { key: 'colour', message: 'is not known, and ignored' },
  ]);
});

for (const [file, key, message] of [
  [{ port: '8080' }, 'port', 'has to be a whole number, and is a string'],
  [{ port: 65_536 }, 'port', 'has to be from 0 to 65535, and is 65536'],
  [{ secretkey: ['topsecret'] }, 'secretkey', 'has to be a text, and is a list'],
  [{ whitelist: 'x' }, 'whitelist', 'has to be a list of rules, and is a string'],
  [{ whitelist: ['x'] }, 'whitelist[0]', 'has to have method, url or headers, and is a string'],
  [{ blacklist: [{ url: 1 }] }, 'blacklist[0].url', 'has to be a pattern, and is a number'],
  [[], '', 'the file has to consist of keys and values'],
] as const) {
  test(`a wrong type is an error that names the key ${key || 'of none'}`, () => {
    const { errors } = readWspRelayConfig(file);
    assert.deepEqual(errors, [{ key, message }]);
  });
}

test('targets and ids that nobody could use are errors', () => {
  const { errors } = readWspAgentConfig({ id: 'a_b', targets: ['ws://ok/register', 'http://h/'] });
  assert.deepEqual(
    errors.map(({ key }) => key),
    ['id', 'targets[1]'],
  );
});

test('a pattern that is none is an error', () => {
  const { errors, warnings } = readWspAgentConfig({
    whitelist: [{ url: '(' }],
    blacklist: [{ url: 'secret' }, { url: '^http://h/$' }],
  });
  assert.deepEqual(
    errors.map(({ key }) => key),
    ['whitelist[0].url'],
  );
  assert.deepEqual(warnings, []);
});

for (const secretkey of [undefined, null, '']) {
  test(`a file with ${JSON.stringify(secretkey)} for a secret lets every agent in, and is warned of`, () => {
    const { options, warnings } = readWspRelayConfig({ secretkey }, { requestToken: 'asked' });
    assert.deepEqual([options.openRegistration, options.secretKey], [true, undefined]);
    assert.deepEqual(
      warnings.map(({ key }) => key),
      ['secretkey'],
    );
  });
}

test('a secret that cannot be read opens nothing', () => {
  const { options } = readWspRelayConfig({ secretkey: ['topsecret'] });
  assert.equal(options.openRegistration, undefined);
});

for (const access of [undefined, { requestToken: '' }, { requestToken: [] }]) {
  test(`a file opens no /request, and ${JSON.stringify(access)} neither: that is a warning`, () => {
    const { options, warnings } = readWspRelayConfig({ secretkey: 'secret' }, access);
    assert.deepEqual([options.openRequests, options.requestToken], [undefined, undefined]);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!.message, /requestToken, or openRequests/);
  });
}
