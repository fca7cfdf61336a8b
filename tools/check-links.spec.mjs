import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { brokenLinks } from './check-links.mjs';

describe('the check of links', () => {
  let root;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'rookery-links-'));
    mkdirSync(join(root, 'docs'));
    writeFileSync(join(root, 'docs/client.md'), '# Client\n\n## The connection: `state`\n\n[home](../README.md)\n');
  });

  afterEach(() => rmSync(root, { recursive: true }));

  const broken = (text) => {
    writeFileSync(join(root, 'README.md'), text);
    return brokenLinks(root);
  };

  it.each([
    ['a page', '[a](docs/client.md)'],
    ['a folder', '[a](docs)'],
    ['a heading of another page', '[a](docs/client.md#the-connection-state)'],
    ['a heading of its own', '# Read me\n\n[a](#read-me)'],
    ['somebody else’s page', '[a](https://example.com/none.md)'],
    ['what code only looks like', '```ts\nlist[0](none.md)\n```'],
  ])('takes %s', (_what, text) => {
    expect(broken(text)).toEqual([]);
  });

  it.each([
    ['a page', 'docs/react.md'],
    ['a heading', 'docs/client.md#the-rooms'],
    ['a heading of its own', '#rooms'],
  ])('names %s that is not there', (_what, link) => {
    expect(broken(`see\n[a](${link})`)).toEqual([`README.md links to ${link}, which is not there`]);
  });
});
