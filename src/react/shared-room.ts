import type { ClientRoom, FrameUser, GapEvent, LeftEvent, RealtimeClient, RestoredSend } from '../client/index.js';
import { Roster } from '../client/roster.js';

/**
 * How long a room is kept that no component uses any more. Long enough for StrictMode, which unmounts and mounts again,
 * and for a page that shows the same room once it is loaded; then it is left.
 */
const LEAVE_AFTER_MS = 1_000;

/** What components render of a room. A new object for each change, the same one otherwise. */
export interface RoomView {
  /** `joining` until the server let it in, and again after a cut. `left`: it does not come back by itself. */
  readonly status: 'joining' | 'joined' | 'left';
  /** Users in the room, as the server last said. */
  readonly members: number;
  /** The last time that frames were lost (RC2), since the room is in use. */
  readonly gap?: GapEvent;
  /** Why it was left: put out by the server, or refused. */
  readonly left?: LeftEvent;
}

/** What there is to render before a component is mounted, and on a server. */
export const UNUSED: RoomView = { status: 'joining', members: 0 };
export const NOBODY: readonly FrameUser[] = [];

interface Listener {
  readonly name: string;
  readonly handler: (event: unknown) => void;
  end: () => void;
}

const sharedRooms = new WeakMap<RealtimeClient, Map<string, SharedRoom>>();

/** A room that some component uses, or used a moment ago. */
export function findRoom(client: RealtimeClient, name: string): SharedRoom | undefined {
  return sharedRooms.get(client)?.get(name);
}

/** Joins a room for one more user, who calls `exit` once. Not while rendering: it joins. */
export function enterRoom(client: RealtimeClient, name: string): SharedRoom {
  const rooms = sharedRooms.get(client) ?? new Map<string, SharedRoom>();
  sharedRooms.set(client, rooms);
  const room = rooms.get(name) ?? new SharedRoom(client, name, () => rooms.delete(name));
  rooms.set(name, room);
  room.enter();
  return room;
}

/** One room of one client, joined as long as somebody uses it. */
export class SharedRoom {
  view = UNUSED;
  #room: ClientRoom;
  #roster: Roster | undefined;
  #users = 0;
  #leaving: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<Listener>();
  readonly #watchers = new Set<() => void>();
  #restored: readonly RestoredSend[] = [];
  readonly #unwatchClient: () => void;

  constructor(
    private readonly client: RealtimeClient,
    readonly name: string,
    private readonly forget: () => void,
  ) {
    this.#room = client.room(name);
    const render = (change: Partial<RoomView> = {}) => this.#render({ ...this.view, ...change });
    this.on('joined', () => render({ left: undefined }));
    this.on('system', () => render());
    this.on('gap', (gap) => render({ gap: gap as GapEvent }));
    // Told in the turn that opened the room, maybe before the component is there that shows them.
    this.on('restored', (send) => (this.#restored = [...this.#restored, send as RestoredSend]));
    this.on('left', (left) => render({ left: left as LeftEvent }));
    this.#unwatchClient = client.on('state', () => render()); // A cut is told by the connection alone.
    render();
  }

  /** The client's room; another one after {@link rejoin}. */
  get room(): ClientRoom {
    return this.#room;
  }

  enter(): void {
    clearTimeout(this.#leaving);
    this.#users += 1;
  }

  /** One user less. After the last one the room is left, unless somebody enters it again within a second. */
  exit(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    // Nothing is lost by forgetting at once what is left already: who enters it then tries anew.
    if (this.#room.status === 'left') this.#end();
    else this.#leaving = setTimeout(() => this.#end(), LEAVE_AFTER_MS);
  }

  /** Calls the handler for each event of a name, of this room and of the one after {@link rejoin}. */
  on(name: string, handler: (event: unknown) => void): () => void {
    const listener: Listener = { name, handler, end: () => undefined };
    this.#listen(listener);
    this.#listeners.add(listener);
    return () => {
      listener.end();
      this.#listeners.delete(listener);
    };
  }

  /** Calls back whenever {@link view} or {@link users} is another one. */
  watch(notify: () => void): () => void {
    // A function of its own: the same callback may watch twice.
    const watcher = () => notify();
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Who is there, from {@link keepRoster} on. A new array for each change. */
  get users(): readonly FrameUser[] {
    return this.#roster?.users ?? NOBODY;
  }

  /** Takes the sends of a type that the page's last life left; each is given away once. */
  takeRestored(type: string): readonly RestoredSend[] {
    const taken = this.#restored.filter(({ frame }) => frame.type === type);
    this.#restored = this.#restored.filter(({ frame }) => frame.type !== type);
    return taken;
  }

  /** Asks who is there, and keeps the list from now on. */
  keepRoster(): void {
    this.#roster ??= new Roster(this.#room, () => this.#notify());
  }

  /** Tries to be a member again after `left`. */
  rejoin(): void {
    if (this.#room.status !== 'left') return;
    this.#room = this.client.room(this.name);
    for (const listener of this.#listeners) this.#listen(listener);
    const roster = this.#roster;
    roster?.end();
    this.#roster = roster && new Roster(this.#room, () => this.#notify());
    this.#render({ ...this.view, left: undefined });
  }

  #listen(listener: Listener): void {
    listener.end();
    listener.end = this.#room.on(listener.name, listener.handler);
  }

  #render(next: RoomView): void {
    const { view } = this;
    const { status, members } = this.#room;
    const isSame =
      view.status === status && view.members === members && view.gap === next.gap && view.left === next.left;
    if (isSame) return;
    this.view = { ...next, status, members };
    this.#notify();
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #end(): void {
    this.forget();
    this.#unwatchClient();
    this.#roster?.end();
    for (const { end } of this.#listeners) end();
    void this.#room.leave();
  }
}
