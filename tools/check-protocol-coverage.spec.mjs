import { describe, expect, it } from '@jest/globals';
import { citedRules, coverageProblems, parseRules, tableProblems, testTitles } from './check-protocol-coverage.mjs';

describe('the check of the protocol’s coverage', () => {
  const rules = [
    { id: 'RC1', mark: 'url' },
    { id: 'RC2', mark: 'inside' },
  ];
  const outside = { file: 'a.url.spec.ts', titles: ['RC1 resumes'] };
  const inside = { file: 'b.spec.ts', titles: ['RC2 sends nothing of a gap'] };

  it('reads rules with their marks', () => {
    const text = '- (RC1, url) A cursor\n  (RC7, url) in running text\n- (RC2, inside) Otherwise\n- (RC3) no mark\n';
    expect(parseRules(text)).toEqual([...rules, { id: 'RC3', mark: undefined }]);
  });

  it('finds titles in every form that runs, and none that is skipped', () => {
    const source = `
      it('RC1 a', () => {});
      test("RC2 b", () => {});
      it(\`RC3 \${name}\`, () => {});
      it.each([['x']])('RC4 %s', () => {});
      it.each\`x\`('RC5 $x', () => {});
      it.skip('RC6 a', () => {});
      it.todo('RC7 a');
      it.skip.each([1])('RC8 %s', () => {});
      describe('RC9 is no test', () => {});`;
    expect(testTitles(source)).toEqual(['RC1 a', 'RC2 b', 'RC3 ', 'RC4 %s', 'RC5 $x']);
  });

  it('takes the ids at the beginning of a title', () => {
    expect(citedRules('RC1 resumes as RC2 says')).toEqual(['RC1']);
    expect(citedRules('RC1, HS3: both')).toEqual(['RC1', 'HS3']);
    expect(citedRules('resumes, RC1')).toEqual([]);
  });

  it('is content when every rule has its test', () => {
    expect(coverageProblems(rules, [outside, inside], {})).toEqual([]);
  });

  it.each([
    ['a rule without a test', rules, [outside], {}, 'RC2 has no conformance test'],
    [
      'a title without a rule',
      rules,
      [outside, { ...inside, titles: ['RC2 a', 'works'] }],
      {},
      '"works" cites no rule',
    ],
    ['a rule that there is not', rules, [outside, inside, { file: 'c', titles: ['RC9 a'] }], {}, 'cites RC9'],
    ['an exemption that has a test', rules, [outside, inside], { RC2: 'later' }, 'take it out of notBuiltYet'],
    ['an exemption that is no rule', rules, [outside, inside], { XX1: 'later' }, 'notBuiltYet names XX1'],
    [
      'a url rule that only an inside test has',
      rules,
      [inside, { file: 'c.spec.ts', titles: ['RC1 a'] }],
      {},
      'marked url',
    ],
    ['a rule without a mark', [{ id: 'RC1' }], [outside], {}, 'RC1 has no mark'],
    ['an id that is used twice', [rules[0], rules[0]], [outside], {}, 'RC1 twice'],
    ['a document without rules', [], [], {}, 'has no rules'],
  ])('names %s', (_what, given, tests, exempt, sentence) => {
    expect(coverageProblems(given, tests, exempt).join('\n')).toContain(sentence);
  });

  it('lets a rule go that is exempt', () => {
    expect(coverageProblems(rules, [outside], { RC2: 'later' })).toEqual([]);
  });
});

describe('the check of the protocol’s tables', () => {
  const protocol = `
Error codes, final: \`bad_frame not_found\`; temporary (again): \`internal\`.
HttpExceptions 404, 500 thrown by handlers

## Close codes

| code | reason | come back? |
|---|---|---|
| 1000, 1006, any other below 4500 | | no |
| 4001 | token_expired | yes, with a fresh token |
| 4502 | replaced (connection limit) | no |

## History`;
  const tables = {
    closeCodeTable: [
      { code: 1000, reasons: [], comeBack: 'no' },
      { code: 1006, reasons: [], comeBack: 'no' },
      { code: 4001, reasons: ['token_expired'], comeBack: 'fresh-token' },
      { code: 4502, reasons: ['replaced'], comeBack: 'no' },
    ],
    CloseCode: { normal: 1000, tokenExpired: 4001 },
    errorCodeTable: {
      bad_frame: { temporary: false },
      not_found: { temporary: false, status: 404 },
      internal: { temporary: true, status: 500 },
    },
  };

  it('is content when document and code agree', () => {
    expect(tableProblems(protocol, tables)).toEqual([]);
  });

  it.each([
    ['another reason', protocol.replace('token_expired', 'token_old'), tables, 'PROTOCOL.md says "4001 (token_old)'],
    ['another way back', protocol.replace('yes, with', 'once, with'), tables, 'comes back: once-with-fresh-token'],
    ['a code that is missing', protocol.replace('1000, 1006', '1000'), tables, 'src/protocol says "1006 ()'],
    ['a final code that is temporary', protocol.replace('not_found`', '` `'), tables, '"not_found is final"'],
    ['another status', protocol.replace('404, 500', '404'), tables, 'status of an error code'],
    ['a name outside the table', protocol, { ...tables, CloseCode: { odd: 4999 } }, 'CloseCode.odd is 4999'],
  ])('names %s', (_what, text, given, sentence) => {
    expect(tableProblems(text, given).join('\n')).toContain(sentence);
  });
});
