import { listOf, minus, plus } from '../few.js';
import type { Few } from '../few.js';
import type { Connection } from './connection.js';

/** All connections of this process, by namespace. */
export class ConnectionRegistry {
  private readonly byNamespace = new Map<string, Set<Connection>>();
  private readonly byUser = new Map<string, Few<Connection>>();
  private count = 0;

  /** How many there are. */
  get size(): number {
    return this.count;
  }

  add(connection: Connection): void {
    this.count += 1;
    const { namespace, identity } = connection;
    const inNamespace = this.byNamespace.get(namespace);
    if (inNamespace) inNamespace.add(connection);
    else this.byNamespace.set(namespace, new Set([connection]));
    this.byUser.set(identity.id, plus(this.byUser.get(identity.id), connection));
  }

  remove(connection: Connection): void {
    const { namespace, identity } = connection;
    const inNamespace = this.byNamespace.get(namespace);
    if (!inNamespace?.delete(connection)) return;
    if (inNamespace.size === 0) this.byNamespace.delete(namespace);
    const ofUser = minus(this.byUser.get(identity.id), connection);
    if (ofUser) this.byUser.set(identity.id, ofUser);
    else this.byUser.delete(identity.id);
    this.count -= 1;
  }

  /** The connections of a namespace, or all. The list is the caller's own. */
  list(namespace?: string): Connection[] {
    if (namespace !== undefined) return [...(this.byNamespace.get(namespace) ?? [])];
    return [...this.byNamespace.values()].flatMap((connections) => [...connections]);
  }

  /** The connections of a user on this pod. The list is the caller's own. */
  ofUser(userId: string): Connection[] {
    return listOf(this.byUser.get(userId));
  }
}
