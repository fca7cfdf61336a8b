import { describe, expect, it } from '@jest/globals';
import { decodeHistory, decodeMessage, decodePosition, decodePublished } from './redis-message.js';

describe('decodeMessage', () => {
  it('takes the header off and leaves the bytes of the payload as they are', () => {
    const payload = Buffer.from([0, 10, 32, 255, 254, 10]);
    const message = decodeMessage(Buffer.concat([Buffer.from('e_1-x 42 \n'), payload]));
    expect(message).toEqual({ payload, epoch: 'e_1-x', offset: 42, except: undefined });
  });

  it('finds the key behind an offset, whatever the key is made of', () => {
    const message = decodeMessage(Buffer.from('e 7 EUR USD é\n{"a":1}'));
    expect(message).toEqual({
      payload: Buffer.from('{"a":1}'),
      epoch: 'e',
      offset: 7,
      except: undefined,
      key: 'EUR USD é',
    });
  });

  it('reads whom a message leaves out, spaces included', () => {
    expect(decodeMessage(Buffer.from('e 0 a b ü\nx'))).toEqual({
      payload: Buffer.from('x'),
      epoch: 'e',
      offset: 0,
      except: 'a b ü',
    });
  });

  it('reads an empty payload', () => {
    expect(decodeMessage(Buffer.from('e 7 \n'))?.payload).toHaveLength(0);
  });

  it.each(['', 'hello', '\n', ' 1 \n', 'e\n', 'e 1\n', 'e  \n', 'e x \n', 'e -1 \n', 'e 1.5 \n'])(
    'says that %j is no message of a room',
    (text) => {
      expect(decodeMessage(Buffer.from(text))).toBeUndefined();
    },
  );
});

describe('answers of the scripts', () => {
  it('give what a publish came to', () => {
    expect(decodePublished(Buffer.from('0 ep 17'))).toEqual({ offset: 17, epoch: 'ep', duplicate: false });
    expect(decodePublished(Buffer.from('1 ep 3'))).toEqual({ offset: 3, epoch: 'ep', duplicate: true });
    expect(decodePublished(Buffer.from('0 ep 0'))).toEqual({ offset: undefined, epoch: 'ep', duplicate: false });
  });

  it('give a position with its ancestors, newest first', () => {
    const fields = ['e3', '12', '4', 'e2:10 e1:0'].map((text) => Buffer.from(text));
    expect(decodePosition(fields)).toEqual({
      epoch: 'e3',
      top: 12,
      oldest: 4,
      ancestors: [
        { epoch: 'e2', top: 10 },
        { epoch: 'e1', top: 0 },
      ],
    });
    expect(decodePosition([Buffer.from('e1'), Buffer.from('0'), Buffer.from('1'), Buffer.from('')]).ancestors).toEqual(
      [],
    );
  });

  it('give frames in ascending order whichever way they were read', () => {
    const answer = ['e1', '9', '8', '', '9-0', 'nine', '8-0', 'eight'].map((text) => Buffer.from(text));
    expect(decodeHistory(answer, false).frames).toEqual([
      { offset: 8, payload: Buffer.from('eight') },
      { offset: 9, payload: Buffer.from('nine') },
    ]);
    expect(decodeHistory(answer, true).frames.map((frame) => frame.offset)).toEqual([9, 8]);
  });
});
