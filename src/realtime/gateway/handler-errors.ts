import { catchError, isObservable } from 'rxjs';

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
  for (const [name, descriptor] of methodsOf(prototype)) {
    const method: unknown = descriptor.value;
    if (typeof method !== 'function' || !isHandler(method)) continue;
    const marked = marking(method as (...args: unknown[]) => unknown);
    Object.defineProperty(marked, 'name', { value: method.name, configurable: true });
    for (const key of Reflect.getMetadataKeys(method)) {
      Reflect.defineMetadata(key, Reflect.getMetadata(key, method), marked);
    }
    Object.defineProperty(prototype, name, { ...descriptor, value: marked });
  }
}

/** The methods of a prototype and of those that it inherits from; the nearest wins. */
function methodsOf(prototype: object): Map<string, PropertyDescriptor> {
  const methods = new Map<string, PropertyDescriptor>();
  for (
    let at: object | null = prototype;
    at && at !== Object.prototype;
    at = Object.getPrototypeOf(at) as object | null
  ) {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (!methods.has(name)) methods.set(name, descriptor);
    }
  }
  return methods;
}

function marking(method: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return function (this: unknown, ...args: unknown[]): unknown {
    try {
      const returned = method.apply(this, args);
      if (returned instanceof Promise) void returned.then(undefined, mark); // Before whoever waits for it.
      return isObservable(returned) ? returned.pipe(catchError(markAndThrow)) : returned;
    } catch (error) {
      return markAndThrow(error);
    }
  };
}

function mark(error: unknown): void {
  if (typeof error === 'object' && error !== null) thrown.add(error);
}

function markAndThrow(error: unknown): never {
  mark(error);
  throw error;
}
