import type { Connection } from './connection.js';

/** All connections of this process, by namespace. */
export class ConnectionRegistry {
  private readonly byNamespace = new Map<string, Set<Connection>>();
  private readonly byUser = new Map<string, Set<Connection>>();
  private count = 0;

  /** How many there are. */
  get size(): number {
    return this.count;
  }

  add(connection: Connection): void {
    this.count += 1;
    addTo(this.byNamespace, connection.namespace, connection);
    addTo(this.byUser, connection.identity.id, connection);
  }

  remove(connection: Connection): void {
    if (!removeFrom(this.byNamespace, connection.namespace, connection)) return;
    removeFrom(this.byUser, connection.identity.id, connection);
    this.count -= 1;
  }

  /** The connections of a namespace, or all. The list is the caller's own. */
  list(namespace?: string): Connection[] {
    if (namespace !== undefined) return [...(this.byNamespace.get(namespace) ?? [])];
    return [...this.byNamespace.values()].flatMap((connections) => [...connections]);
  }

  /** The connections of a user on this pod. The list is the caller's own. */
  ofUser(userId: string): Connection[] {
    return [...(this.byUser.get(userId) ?? [])];
  }
}

function addTo(map: Map<string, Set<Connection>>, key: string, connection: Connection): void {
  const found = map.get(key);
  if (found) found.add(connection);
  else map.set(key, new Set([connection]));
}

function removeFrom(map: Map<string, Set<Connection>>, key: string, connection: Connection): boolean {
  const found = map.get(key);
  if (!found?.delete(connection)) return false;
  if (found.size === 0) map.delete(key);
  return true;
}
