/** Errors that came out of handlers themselves, not out of the guards and pipes before them. */
const thrown = new WeakSet();

/** Says whether an error is a handler's own: those count as no fault of the client (CL5). */
export function isThrownByHandler(error: unknown): boolean {
  return typeof error === 'object' && error !== null && thrown.has(error);
}

/**
 * Makes every handler of a gateway note what it throws: Nest's pipeline gives us one error, wherever it came from. What
 * decorators said of a handler stays with it.
 *
 * @param isHandler Says whether a method is one.
 */
export function markHandlerErrors(prototype: object, isHandler: (method: object) => boolean): void {
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
    const method: unknown = descriptor?.value;
    if (typeof method !== 'function' || !isHandler(method)) continue;
    const marked = marking(method as (...args: unknown[]) => unknown);
    Object.defineProperty(marked, 'name', { value: method.name, configurable: true });
    for (const key of Reflect.getMetadataKeys(method)) {
      Reflect.defineMetadata(key, Reflect.getMetadata(key, method), marked);
    }
    Object.defineProperty(prototype, name, { ...descriptor, value: marked });
  }
}

function marking(method: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return function (this: unknown, ...args: unknown[]): unknown {
    try {
      const returned = method.apply(this, args);
      return returned instanceof Promise ? returned.catch(markAndThrow) : returned;
    } catch (error) {
      return markAndThrow(error);
    }
  };
}

function markAndThrow(error: unknown): never {
  if (typeof error === 'object' && error !== null) thrown.add(error);
  throw error;
}
