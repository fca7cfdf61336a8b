import { describe, expect, it } from '@jest/globals';
import { findInventedCode } from './examples.mjs';

const page = (...pieces) => pieces.map((piece) => `Text.\n\n\`\`\`ts\n${piece}\n\`\`\`\n`).join('\n');
const files = ['const a = 1;\nconst b = 2;\n', 'const c = 3;\n'];

describe('the code of a page', () => {
  it('is good where each piece stands in a file', () => {
    expect(findInventedCode(page('const b = 2;', 'const c = 3;'), files)).toBeUndefined();
  });

  it('is told where it stands nowhere, or not in one piece', () => {
    expect(findInventedCode(page('const b = 2;', 'const d = 4;'), files)).toBe('const d = 4;\n');
    expect(findInventedCode(page('const b = 2;\nconst c = 3;'), files)).toBe('const b = 2;\nconst c = 3;\n');
  });

  it('must be there', () => {
    expect(findInventedCode('Text alone.', files)).toBe('no code at all');
  });
});
