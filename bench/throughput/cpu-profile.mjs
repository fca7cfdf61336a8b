/** Whose code a frame is, by its URL and name; the first that fits. */
const OWNERS = [
  ['Rookery', ({ url }) => /(^|\/)dist\//.test(url) && !url.includes('node_modules/')],
  ['bench', ({ url }) => /(^|\/)bench\//.test(url) && !url.includes('node_modules/')],
  ['Nest', ({ url }) => /node_modules\/@nestjs\//.test(url) && !/@nestjs\/[^/]+\/node_modules/.test(url)],
  ['rxjs', ({ url }) => url.includes('node_modules/rxjs/')],
  ['validation', ({ url }) => /node_modules\/class-(validator|transformer)\//.test(url)],
  ['ws', ({ url }) => /node_modules\/ws\//.test(url)],
  ['other packages', ({ url }) => url.includes('node_modules/')],
  ['garbage collector', ({ functionName }) => functionName === '(garbage collector)'],
  ['Node', ({ url }) => url.startsWith('node:')],
  ['native', () => true],
];

/** Replaces where this package is in the URLs of a profile: nobody else's machine has it there. */
export function relocated(profile, rootUrl) {
  const nodes = profile.nodes.map((node) => {
    const { url } = node.callFrame;
    if (!url.startsWith(rootUrl)) return node;
    return { ...node, callFrame: { ...node.callFrame, url: url.slice(rootUrl.length) } };
  });
  return { ...profile, nodes };
}

/** Cuts a profile to what was sampled between two moments (µs, the clock of `process.hrtime`). */
export function windowOf(profile, fromUs, toUs) {
  const samples = [];
  const timeDeltas = [];
  let at = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    at += profile.timeDeltas[index];
    if (at < fromUs || at > toUs) continue;
    samples.push(id);
    timeDeltas.push(samples.length === 1 ? 0 : profile.timeDeltas[index]);
  }
  const nodes = withAncestors(profile.nodes, new Set(samples));
  return {
    nodes,
    startTime: Math.max(fromUs, profile.startTime),
    endTime: Math.min(toUs, profile.endTime),
    samples,
    timeDeltas,
  };
}

/**
 * Adds up the self time of each function.
 *
 * @returns `{ name, place, owner, share }` by descending share of the time in which the program was not idle
 */
export function framesOf(profile) {
  const frameOf = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const selfUs = new Map();
  let busyUs = 0;
  for (const [index, id] of profile.samples.entries()) {
    const frame = frameOf.get(id);
    if (frame.functionName === '(idle)') continue;
    const key = `${frame.functionName}\n${frame.url}\n${frame.lineNumber}`;
    const entry = selfUs.get(key) ?? { frame, us: 0 };
    entry.us += profile.timeDeltas[index];
    busyUs += profile.timeDeltas[index];
    selfUs.set(key, entry);
  }
  return [...selfUs.values()]
    .map(({ frame, us }) => ({
      name: frame.functionName || '(anonymous)',
      place: frame.url && `${frame.url.replace(/^.*node_modules\//, '')}:${frame.lineNumber + 1}`,
      owner: OWNERS.find(([, fits]) => fits(frame))[0],
      share: us / busyUs,
    }))
    .sort((a, b) => b.share - a.share);
}

/** Adds up whose frames took how much. @returns `{ owner, share }` by descending share */
export function ownersOf(frames) {
  const shares = new Map();
  for (const { owner, share } of frames) shares.set(owner, (shares.get(owner) ?? 0) + share);
  return [...shares].map(([owner, share]) => ({ owner, share })).sort((a, b) => b.share - a.share);
}

/** The nodes that were hit and those above them; what was never on the stack is left out. */
function withAncestors(nodes, hit) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const keep = new Set();
  const visit = (node) => {
    const children = (node.children ?? []).filter((id) => visit(byId.get(id)));
    const wanted = children.length > 0 || hit.has(node.id);
    if (wanted) keep.add(node.id);
    return wanted;
  };
  if (nodes.length > 0) visit(nodes[0]);
  return nodes
    .filter(({ id }) => keep.has(id))
    .map(({ id, callFrame, children = [] }) => ({
      id,
      callFrame,
      hitCount: 0,
      children: children.filter((each) => keep.has(each)),
    }));
}
