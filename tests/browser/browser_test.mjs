// A page in Chromium gets published messages through a node: over a WebSocket, over SSE, and over SockJS with its transports.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import {chromium} from 'playwright-core';

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-browser-'));
const sockjs = fs.readFileSync(new URL('node_modules/sockjs-client/dist/sockjs.min.js', import.meta.url));

const listening = (server) => new Promise((done) => server.listen(0, '127.0.0.1', () => done(server.address().port)));

// ---- a backend that knows only HTTP: subscribes everybody to `news`, echoes, and serves the page

function eventsOf(body) {
  const events = [];
  for (let at = 0; at < body.length;) {
    const lineEnd = body.indexOf('\r\n', at);
    const [kind, size] = body.toString('latin1', at, lineEnd).split(' ');
    at = lineEnd + 2;
    const length = size ? parseInt(size, 16) : 0;
    events.push([kind, body.toString('utf8', at, at + length)]);
    if (size) at += length + 2;
  }
  return events;
}

const event = (kind, content = '') => content ? `${kind} ${Buffer.byteLength(content).toString(16)}\r\n${content}\r\n` : `${kind}\r\n`;

const backend = http.createServer(async (request, response) => {
  if (request.method === 'GET') {
    const script = request.url === '/sockjs.js';
    response.writeHead(200, {'Content-Type': script ? 'text/javascript' : 'text/html'});
    return response.end(script ? sockjs : '<!doctype html><title>page</title><script src="/sockjs.js"></script>');
  }
  const parts = [];
  for await (const part of request) parts.push(part);
  let answer = '';
  const headers = {'Content-Type': 'application/websocket-events'};
  for (const [kind, content] of eventsOf(Buffer.concat(parts))) {
    if (kind === 'OPEN') {
      answer += event('OPEN') + event('TEXT', 'c:' + JSON.stringify({type: 'subscribe', channel: 'news'})) + event('TEXT', 'm:ready');
      headers['Sec-WebSocket-Extensions'] = 'grip';
    } else if (kind === 'TEXT') {
      answer += event('TEXT', 'm:echo ' + content);
    } else if (kind === 'CLOSE') {
      answer += event('CLOSE', content);
    }
  }
  response.writeHead(200, headers);
  response.end(answer);
});
const backendPort = await listening(backend);

// ---- a node

const target = [{address: `127.0.0.1:${backendPort}`, over_http: true}];
const config = {
  listen: [{address: '127.0.0.1:0'}],
  control: {http: {address: '127.0.0.1:0'}, grpc: {address: ''}},
  metrics: {address: '127.0.0.1:0'},
  routes: [
    {path_begins: '/sockjs', sockjs: '/sockjs', targets: target},
    {path: '/sse/{name}', hold: {mode: 'stream', channels: ['{name}'], content_type: 'text/event-stream'}},
    {path_begins: '/', targets: target},
  ],
};
fs.writeFileSync(path.join(work, 'holdfast.yaml'), JSON.stringify(config));
const node = spawn(process.env.HOLDFAST_BIN, ['serve', '--config', path.join(work, 'holdfast.yaml')], {stdio: ['ignore', 'pipe', 'inherit']});
const addresses = await new Promise((done, fail) => {
  let text = '';
  node.on('exit', (code) => fail(new Error(`the node ended with ${code}`)));
  node.stdout.on('data', (data) => {
    text += data;
    const found = Object.fromEntries([...text.matchAll(/^\s+(clients|publishers|metrics)\s+(\S+)/gm)].map((m) => [m[1], m[2].replace(/\/$/, '')]));
    if (found.metrics) done(found);
  });
});

async function publish(content) {
  const formats = {'ws-message': {content}, 'http-stream': {content}};
  const answer = await fetch(addresses.publishers + '/publish/', {method: 'POST', body: JSON.stringify({items: [{channel: 'news', formats}]})});
  assert.equal(answer.status, 200);
}

// ---- the browser

const browser = await chromium.launch({executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox']});
const page = await browser.newPage();
page.setDefaultTimeout(20000);
await page.goto(addresses.clients + '/page');

const transports = ['websocket', 'xhr-streaming', 'eventsource', 'xhr-polling', 'jsonp-polling'];

let failed = false;
async function check(name, run) {
  try {
    await run();
    console.log(`PASS ${name}`);
  } catch (error) {
    failed = true;
    console.log(`FAIL ${name}: ${error.message}`);
  }
}

const waitFor = (text) => page.waitForFunction((wanted) => window.got.includes(wanted), text);

for (const transport of [null, ...transports]) {
  const name = transport ? `SockJS ${transport}` : 'WebSocket';
  await check(name, async () => {
    // Handlers are there before anything can come; what comes is in `got`.
    await page.evaluate((transport) => {
      const got = window.got = [];
      const socket = window.socket = transport ? new SockJS(location.origin + '/sockjs', null, {transports: [transport]})
        : new WebSocket(location.origin.replace('http', 'ws') + '/ws');
      socket.onmessage = (message) => got.push(message.data);
      socket.onclose = (close) => got.push('closed ' + close.code);
    }, transport);
    await waitFor('ready');
    await publish(`published to ${name}`);
    await waitFor(`published to ${name}`);
    await page.evaluate(() => window.socket.send('grüße'));
    await waitFor('echo grüße');
    await page.evaluate(() => window.socket.close(1000));
    await page.waitForFunction(() => window.got.at(-1).startsWith('closed'));
    assert.deepEqual(await page.evaluate(() => window.got.slice(0, -1)), ['ready', `published to ${name}`, 'echo grüße']);
  });
}

await check('EventSource', async () => {
  await page.evaluate(() => {
    window.got = [];
    const source = new EventSource('/sse/news');
    source.onopen = () => window.got.push('open');
    source.onmessage = (message) => window.got.push(message.data);
  });
  await waitFor('open');
  await publish('one');
  await publish('two');
  await waitFor('two');
  assert.deepEqual(await page.evaluate(() => window.got), ['open', 'one', 'two']);
});

await browser.close();
node.removeAllListeners('exit');
const ended = new Promise((done) => node.on('exit', done));
node.kill('SIGTERM');
const code = await ended;
if (code !== 0) failed = true, console.log(`FAIL the node ended with ${code}`);
backend.closeAllConnections();
backend.close();
fs.rmSync(work, {recursive: true});
process.exit(failed ? 1 : 0);
