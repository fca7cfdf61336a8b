import { describe, expect, it } from '@jest/globals';
import { fieldsWithoutToken } from './guarded-request.js';

describe('fieldsWithoutToken', () => {
  it('leaves every field but the token', () => {
    expect(fieldsWithoutToken({ token: 't', tab: '2' })).toEqual({ tab: '2' });
    expect(fieldsWithoutToken({ token: 't' })).toEqual({});
    expect(fieldsWithoutToken({})).toEqual({});
  });
});
