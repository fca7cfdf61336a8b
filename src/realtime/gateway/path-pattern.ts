import { match, parse } from 'path-to-regexp';
import type { MatchFunction, Token } from 'path-to-regexp';
import { RealtimeConfigError } from '../realtime.errors.js';
import { isNamespace } from '../rooms/address.js';

/** What a path has in it, or that a parameter of it can't be decoded. */
export type PathMatch = { readonly params: Readonly<Record<string, string>> } | { readonly malformed: true };

/** One of the forms that a path with optional parts can have; each segment: static text, `:` (a parameter) or `*`. */
type Shape = readonly string[];

/**
 * A gateway's path, as Nest's router reads it (path-to-regexp 8): `:name`, `*rest`, `{optional}`. Upper and lower case are
 * one, a trailing slash is none.
 */
export class PathPattern {
  readonly path: string;
  /** The names of its parameters. */
  readonly params: readonly string[];
  private readonly shapes: readonly Shape[];
  private readonly matcher: MatchFunction<Partial<Record<string, string | string[]>>>;

  /** @throws RealtimeConfigError bad_config — path-to-regexp can't read it. */
  constructor(path: string, owner: string) {
    this.path = path.startsWith('/') ? path : `/${path}`;
    try {
      const { tokens } = parse(this.path);
      this.params = namesIn(tokens);
      this.shapes = formsOf(tokens).map(shapeOf);
      this.matcher = match(this.path, { sensitive: false, trailing: true });
    } catch (cause) {
      throw new RealtimeConfigError(
        `${owner}: the path ${JSON.stringify(path)} can't be read: ${(cause as Error).message}`,
        {
          cause,
        },
      );
    }
  }

  /** Looks at a path as it stands in a request, without its query. `undefined`: another's. */
  match(path: string): PathMatch | undefined {
    try {
      const found = this.matcher(path);
      if (!found) return undefined;
      const params: Record<string, string> = {};
      for (const [name, value] of Object.entries(found.params)) {
        if (value !== undefined) params[name] = Array.isArray(value) ? value.join('/') : value;
      }
      return { params };
    } catch {
      return { malformed: true }; // decodeURIComponent: the path is ours, but a parameter is no text.
    }
  }

  /** Where it stands in the order of asking: static beats parameter beats rest, from the left (smaller first). */
  compare(other: PathPattern, path: string): number {
    const [mine, theirs] = [this.shapeFor(path), other.shapeFor(path)];
    for (let i = 0; i < Math.max(mine.length, theirs.length); i += 1) {
      const difference = rank(mine[i]) - rank(theirs[i]);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** A path that both patterns match without one being the more specific; `undefined`: there is none. */
  tieWith(other: PathPattern): string | undefined {
    for (const mine of this.shapes) {
      if (other.shapes.some((theirs) => areTied(mine, theirs))) return `/${mine.join('/')}`;
    }
    return undefined;
  }

  /** The namespace that the path gives: its static segments without a leading `ws`, joined by `.`. */
  namespace(): string {
    const longest = this.shapes.reduce((a, b) => (b.length > a.length ? b : a));
    const statics = longest.filter((segment) => !/[:*]/.test(segment));
    const named = statics[0] === 'ws' && statics.length > 1 ? statics.slice(1) : statics;
    const namespace = named.join('.');
    return isNamespace(namespace) ? namespace : '';
  }

  private shapeFor(path: string): Shape {
    const segments = path.split('/').filter((segment) => segment !== '').length;
    return this.shapes.find((shape) => shape.length === segments && !hasRest(shape)) ?? this.shapes.find(hasRest) ?? [];
  }
}

function rank(segment: string | undefined): number {
  if (segment === undefined || segment === '*') return 3;
  if (segment === ':') return 2;
  return /[:*]/.test(segment) ? 1 : 0;
}

/** Whether it matches paths of more segments than its own. */
function hasRest(shape: Shape): boolean {
  return shape.some((segment) => segment.includes('*'));
}

function areTied(one: Shape, other: Shape): boolean {
  return one.length === other.length && one.every((segment, i) => canBeOne(segment, other[i] ?? ''));
}

/** Whether two segments of the same rank can have the same text. Of those with a parameter inside the ends are compared. */
function canBeOne(one: string, other: string): boolean {
  const [mine, theirs] = [one.toLowerCase(), other.toLowerCase()];
  if (rank(one) !== rank(other)) return false;
  if (rank(one) !== 1) return mine === theirs;
  const [head, theirHead] = [mine, theirs].map((segment) => segment.slice(0, segment.search(/[:*]/))) as [
    string,
    string,
  ];
  const [tail, theirTail] = [mine, theirs].map((segment) => /[^:*]*$/.exec(segment)?.[0] ?? '') as [string, string];
  return (
    (head.startsWith(theirHead) || theirHead.startsWith(head)) && (tail.endsWith(theirTail) || theirTail.endsWith(tail))
  );
}

function namesIn(tokens: readonly Token[]): string[] {
  return tokens.flatMap((token) => {
    if (token.type === 'group') return namesIn(token.tokens);
    return token.type === 'text' ? [] : [token.name];
  });
}

/** Every way to take or leave the optional parts. */
function formsOf(tokens: readonly Token[]): Token[][] {
  return tokens.reduce<Token[][]>(
    (forms, token) => {
      if (token.type !== 'group') return forms.map((form) => [...form, token]);
      const inner = formsOf(token.tokens);
      return forms.flatMap((form) => [form, ...inner.map((part) => [...form, ...part])]);
    },
    [[]],
  );
}

function shapeOf(form: readonly Token[]): Shape {
  const text = form
    .map((token) =>
      token.type === 'text' ? token.value : token.type === 'param' ? ':' : token.type === 'wildcard' ? '*' : '',
    )
    .join('');
  return text.split('/').filter((segment) => segment !== '');
}
