import { describe, expect, it } from '@jest/globals';
import { isOneOfSecrets } from './same-secret.js';

describe('isOneOfSecrets', () => {
  it('takes each of the secrets, whole', () => {
    expect(isOneOfSecrets('first', ['first', 'second'])).toBe(true);
    expect(isOneOfSecrets('second', ['first', 'second'])).toBe(true);
    for (const wrong of ['firs', 'first ', 'FIRST', 'third'])
      expect(isOneOfSecrets(wrong, ['first', 'second'])).toBe(false);
  });

  it('takes nothing where there is no secret, and no text that is empty or none', () => {
    expect(isOneOfSecrets('anything', [])).toBe(false);
    for (const given of ['', undefined, null, ['first'], { length: 5 }]) {
      expect(isOneOfSecrets(given, ['first', ''])).toBe(false);
    }
  });
});
