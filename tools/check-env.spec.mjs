import { describe, expect, it } from '@jest/globals';
import { envProblems, formatSetting } from './check-env.mjs';

const table = [
  { name: 'PORT', unit: 'TCP port', default: '3000', description: 'Where the server listens.' },
  { name: 'HOST', unit: 'address', default: '', description: 'Address to listen on.' },
];
const good = `# Settings.\n\n${table.map(formatSetting).join('\n\n')}\n`;

describe('the check of .env.example', () => {
  it('takes a file that says what the table says', () => {
    expect(envProblems(good, table)).toEqual([]);
  });

  it.each([
    ['a default that differs', good.replace('3000', '3001'), 'differs from the table of settings at PORT'],
    ['a unit that differs', good.replace('(address)', '(name)'), 'differs from the table of settings at HOST'],
    ['a description that differs', good.replace('Where', 'Why'), 'differs from the table of settings at PORT'],
    ['a setting that is missing', good.replace('HOST=\n', ''), 'lacks HOST'],
    ['a setting that is there twice', `${good}\nHOST=\n`, 'has 2 times HOST'],
    ['a setting that is none', `${good}\nCOLOR=red\n`, 'has COLOR, which is no setting'],
    ['another order', `${table.toReversed().map(formatSetting).join('\n\n')}\n`, 'in another place'],
    ['an empty file', '', 'lacks PORT'],
  ])('names %s', (_what, text, sentence) => {
    expect(envProblems(text, table)[0]).toContain(sentence);
  });
});
