import { describe, expect, it } from '@jest/globals';
import { framesOf, ownersOf, relocated, windowOf } from './cpu-profile.mjs';

const ROOT = 'file:///home/me/rookery/';
const node = (id, functionName, url, children = []) => ({
  id,
  callFrame: { functionName, url, lineNumber: id },
  children,
});
const profile = {
  startTime: 1_000,
  endTime: 1_600,
  nodes: [
    node(1, '(root)', '', [2, 3, 5]),
    node(2, '(idle)', ''),
    node(3, 'read', `${ROOT}dist/realtime/gateway/runtime.js`, [4]),
    node(4, 'transform', `${ROOT}node_modules/@nestjs/common/pipes/validation.pipe.js`),
    node(5, 'never', ''),
  ],
  // At 1,100 … 1,600.
  samples: [2, 3, 4, 3, 3, 2],
  timeDeltas: [100, 100, 100, 100, 100, 100],
};

describe('a CPU profile', () => {
  it('says whose self time is how much of the time that was not idle', () => {
    const frames = framesOf(profile);
    expect(frames.map(({ name, owner, share }) => [name, owner, share])).toEqual([
      ['read', 'Rookery', 0.75],
      ['transform', 'Nest', 0.25],
    ]);
    expect(ownersOf(frames)).toEqual([
      { owner: 'Rookery', share: 0.75 },
      { owner: 'Nest', share: 0.25 },
    ]);
  });

  it('can be cut to a time', () => {
    const cut = windowOf(profile, 1_250, 1_450);
    expect(cut).toMatchObject({ startTime: 1_250, endTime: 1_450, samples: [4, 3] });
    expect(cut.timeDeltas).toHaveLength(2);
  });

  it('loses what was never on the stack when it is cut, and no parent of what was', () => {
    const cut = windowOf(profile, 1_250, 1_350);
    expect(cut.nodes.map(({ id }) => id)).toEqual([1, 3, 4]);
    expect(cut.nodes[0].children).toEqual([3]);
  });

  it('has no place of the machine in it after it was relocated', () => {
    const moved = relocated(profile, ROOT);
    expect(JSON.stringify(moved)).not.toContain('/home/me');
    expect(framesOf(moved).map(({ place }) => place)).toEqual([
      'dist/realtime/gateway/runtime.js:4',
      '@nestjs/common/pipes/validation.pipe.js:5',
    ]);
  });

  it('tells code of packages from ours', () => {
    const owners = [
      ['f', 'node:net', 'Node'],
      ['f', 'node_modules/ws/lib/sender.js', 'ws'],
      ['f', 'node_modules/@nestjs/platform-ws/node_modules/ws/lib/sender.js', 'ws'],
      ['f', 'node_modules/ioredis/dist/index.js', 'other packages'],
      ['f', 'node_modules/rxjs/dist/cjs/internal/Observable.js', 'rxjs'],
      ['f', 'node_modules/class-validator/cjs/index.js', 'validation'],
      ['(garbage collector)', '', 'garbage collector'],
      ['writev', '', 'native'],
    ];
    for (const [name, url, owner] of owners) {
      const one = { nodes: [node(1, name, url)], samples: [1], timeDeltas: [1] };
      expect([url, framesOf(one)[0].owner]).toEqual([url, owner]);
    }
  });
});
