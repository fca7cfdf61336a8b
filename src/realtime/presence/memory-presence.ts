import type { Presence, PresencePage, PresentUser, ReapedUser } from './presence.js';
export class MemoryPresence implements Presence {
  private readonly rooms = new Map<string, Map<string, string>>();
  async open(): Promise<void> { return; }
  async close(): Promise<void> { return; }
  async enter(address: string, user: PresentUser): Promise<{ first: boolean; members: number }> {
    const room = this.rooms.get(address) ?? new Map<string, string>(); this.rooms.set(address, room);
    const first = !room.has(user.id); room.set(user.id, user.name); return { first, members: room.size };
  }
  async exit(address: string, userId: string): Promise<{ last: boolean; members: number }> {
    const room = this.rooms.get(address); const last = room?.delete(userId) ?? false; if (room?.size === 0) this.rooms.delete(address); return { last, members: room?.size ?? 0 };
  }
  async count(address: string): Promise<number> { return this.rooms.get(address)?.size ?? 0; }
  async list(address: string, { after, limit }: { after?: string | undefined; limit: number }): Promise<PresencePage> {
    const all = [...(this.rooms.get(address) ?? [])].map(([id, name]) => ({ id, name })).sort((a, b) => Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)));
    const rest = after === undefined ? all : all.filter(({ id }) => Buffer.compare(Buffer.from(id), Buffer.from(after)) > 0);
    return { count: all.length, users: rest.slice(0, limit), complete: rest.length <= limit };
  }
  onReaped(_: (left: ReapedUser) => void): void { return; }
}
