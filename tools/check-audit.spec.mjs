import { describe, expect, it } from '@jest/globals';
import { judgeAudit } from './check-audit.mjs';

function report(vulnerabilities, counts) {
  const none = { info: 0, low: 0, moderate: 0, high: 0, critical: 0 };
  return JSON.stringify({
    vulnerabilities,
    metadata: { vulnerabilities: { ...none, ...counts }, dependencies: { total: 12 } },
  });
}

describe('check:audit', () => {
  it('passes without vulnerabilities, and with moderate ones', () => {
    expect(judgeAudit(report({}, {}))).toMatchObject({ verdict: 'ok', text: expect.stringContaining('12 packages') });
    const moderate = { a: { name: 'a', severity: 'moderate', range: '<2' } };
    expect(judgeAudit(report(moderate, { moderate: 1 })).verdict).toBe('ok');
  });

  it.each(['high', 'critical'])('fails for one of level %s, and names it', (severity) => {
    expect(judgeAudit(report({ a: { name: 'a', severity, range: '<2' } }, { [severity]: 1 }))).toEqual({
      verdict: 'vulnerable',
      text: `known vulnerabilities: a <2 (${severity})`,
    });
  });

  it.each([
    [
      'a registry that has no such endpoint',
      '{"message":"405 Method Not Allowed - POST /x","statusCode":405,"error":{}}',
    ],
    ['nobody who answers', '{"error":{"code":"ENOTFOUND","summary":"request failed"}}'],
    ['nothing', ''],
    ['no report', 'npm error'],
    ['an empty report', '{}'],
  ])('says "not checked" for %s, and never that all is well', (_what, output) => {
    expect(judgeAudit(output)).toEqual({ verdict: 'unchecked', text: expect.stringMatching(/^not checked: ./) });
  });
});
