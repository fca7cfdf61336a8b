import { Injectable, ValidationPipe } from '@nestjs/common';
import type { ArgumentMetadata, Type, ValidationPipeOptions } from '@nestjs/common';
import { Acceptance } from './acceptance.js';
import type { AcceptanceOptions } from './acceptance.js';

/** Options that change what a refusal looks like, not what is accepted. */
const ABOUT_REFUSALS = [
  'disableErrorMessages',
  'errorHttpStatusCode',
  'exceptionFactory',
  'errorFormat',
  'maxErrorMessagesLength',
  'validationError',
  'dismissDefaultMessages',
  'stopAtFirstError',
];
/** Options that are understood here. With any other one Nest's pipe does everything. */
const UNDERSTOOD = new Set([
  ...ABOUT_REFUSALS,
  'whitelist',
  'forbidNonWhitelisted',
  'forbidUnknownValues',
  'transform',
]);

/**
 * Nest's `ValidationPipe` for frames that come by the thousand: the same options, verdicts, results and messages, at a
 * fraction of the time for what is valid. The rules of a class are looked up once; a flat value that satisfies them is
 * accepted at once, and whatever else comes (a fault, an object within, a rule that is asynchronous, nested or
 * combined with class-transformer's decorators) goes to Nest's pipe. Rules are called as class-validator calls them.
 */
@Injectable()
export class FrameValidationPipe extends ValidationPipe {
  private readonly acceptances = new Map<Type, Acceptance | undefined>();
  private readonly acceptance: AcceptanceOptions | undefined;
  private libraries: { readonly validator: typeof import('class-validator'); readonly transformer: object } | undefined;

  constructor(options: ValidationPipeOptions = {}) {
    super(options);
    // Nest's pipe returns what came unless class-validator has an option beside `forbidUnknownValues`.
    this.acceptance = acceptanceOptions(options, Object.keys(this.validatorOptions).length > 1);
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (!this.acceptance) return super.transform(value, metadata) as Promise<unknown>;
    if (!metadata.metatype || !this.toValidate(metadata)) {
      // `@CurrentRoom()` and the like, in every frame. Nest's pipe would hand it on too, in a promise more.
      if (!this.isTransformEnabled) return value;
    } else {
      this.libraries ??= await loadLibraries();
      const accepted = this.accept(value, metadata.metatype, this.acceptance, this.libraries);
      if (accepted) return accepted;
    }
    return super.transform(value, metadata) as Promise<unknown>;
  }

  private accept(
    value: unknown,
    metatype: Type,
    options: AcceptanceOptions,
    { validator, transformer }: NonNullable<FrameValidationPipe['libraries']>,
  ): object | undefined {
    try {
      let acceptance = this.acceptances.get(metatype);
      if (!acceptance && !this.acceptances.has(metatype)) {
        acceptance = Acceptance.of(metatype, validator.getMetadataStorage(), transformer, options);
        this.acceptances.set(metatype, acceptance);
      }
      return acceptance?.accept(value);
    } catch {
      return undefined; // A rule, or the class itself, throws: it does so again in Nest's pipe, which tells it.
    }
  }
}

/** @returns undefined where an option is set that is not understood here. */
function acceptanceOptions(options: ValidationPipeOptions, copies: boolean): AcceptanceOptions | undefined {
  if (!Object.keys(options).every((name) => UNDERSTOOD.has(name))) return undefined;
  const { whitelist, forbidNonWhitelisted, transform } = options;
  return {
    unknownFields: whitelist ? (forbidNonWhitelisted ? 'refuse' : 'drop') : 'keep',
    result: transform ? 'instance' : copies ? 'plain' : 'value',
  };
}

async function loadLibraries(): Promise<NonNullable<FrameValidationPipe['libraries']>> {
  const validator = await import('class-validator');
  // What its decorators said is not to be had from its public API.
  const path = 'class-transformer/cjs/storage.js';
  const storage = (await import(path).catch(() => ({}))) as { defaultMetadataStorage?: object };
  return { validator, transformer: storage.defaultMetadataStorage ?? {} };
}
