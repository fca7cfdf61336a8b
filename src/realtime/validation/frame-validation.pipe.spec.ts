import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ValidationPipe } from '@nestjs/common';
import type { Type, ValidationPipeOptions } from '@nestjs/common';
import { Exclude, Transform, Type as TypeOf } from 'class-transformer';
import {
  Allow,
  ArrayMaxSize,
  IsBoolean,
  IsDefined,
  IsEmail,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsNumber,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  registerDecorator,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import * as fc from 'fast-check';
import { FrameValidationPipe } from './frame-validation.pipe.js';

const RUNS = 300;

/** A rule of an application's own. */
function IsEven(options: { async?: boolean; throws?: boolean; called?: () => unknown } = {}): PropertyDecorator {
  return (target, propertyName) => {
    const isEven = (value: unknown): boolean => {
      options.called?.();
      if (options.throws) throw new Error('a rule that throws');
      return typeof value === 'number' && value % 2 === 0;
    };
    registerDecorator({
      name: 'isEven',
      target: target.constructor,
      propertyName: String(propertyName),
      async: options.async ?? false,
      validator: { validate: (value) => (options.async ? Promise.resolve(isEven(value)) : isEven(value)) },
    });
  };
}

class Text {
  @IsString()
  @IsNotEmpty()
  text!: string;
}

class Many {
  @IsString({ message: 'a text of $property' })
  @Length(1, 3)
  text!: string;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(9)
  a?: number;

  @IsIn(['x', 'y', 1, null])
  b!: unknown;

  @ValidateIf((body: Many) => body.a !== 0)
  @IsBoolean()
  c?: boolean;

  @Allow()
  d?: unknown;

  @IsEven()
  e?: number;
}

class Derived extends Text {
  @IsOptional()
  @MaxLength(2, { each: true })
  a?: string;

  @IsNumber({ allowNaN: false })
  @IsEven()
  e!: number;
}

class WithDefaults {
  @IsString()
  text = 'as it is by default';

  @IsDefined()
  b: unknown = null;

  own = 1;
}

class WithMembers {
  @Matches(/^x/)
  text!: string;

  get a(): string {
    return 'a getter';
  }

  b(): string {
    return 'a method';
  }
}

class Transformed {
  @Transform(({ value }) => String(value).trim().toUpperCase())
  @IsEmail()
  text!: string;
}

class Typed {
  @TypeOf(() => Number)
  @IsInt()
  a!: number;

  @Exclude()
  @IsOptional()
  b?: unknown;
}

class Nested {
  @ValidateNested()
  @TypeOf(() => Text)
  d!: Text;
}

class Listed {
  @IsString({ each: true })
  @ArrayMaxSize(2)
  d!: string[];
}

let asked = 0;
class Asynchronous {
  @IsEven({ async: true, called: () => (asked += 1) })
  a!: number;
}

class Throwing {
  @IsEven({ throws: true })
  a!: number;
}

class Grouped {
  @IsString({ groups: ['admins'] })
  text!: string;

  @IsInt({ always: true })
  a!: number;
}

class NoRules {
  text?: string;
}

/** Each with a value that is valid, or nearly: what is accepted must not be too rare. */
const classes: readonly (readonly [Type, object])[] = [
  [Text, { text: 'x' }],
  [Many, { text: 'x', b: 'x', c: true, e: 2 }],
  [Derived, { text: 'x', e: 2 }],
  [WithDefaults, { text: 'x' }],
  [WithMembers, { text: 'x' }],
  [Transformed, { text: 'a@b.de' }],
  [Typed, { a: 1, b: 1 }],
  [Nested, { d: { text: 'x' } }],
  [Listed, { d: ['x'] }],
  [Asynchronous, { a: 1 }],
  [Throwing, { a: 1 }],
  [Grouped, { text: 1, a: 1 }],
  [NoRules, { text: 'x' }],
];

const flags = ['whitelist', 'forbidNonWhitelisted', 'forbidUnknownValues', 'transform', 'stopAtFirstError'] as const;
const optionsOf = fc
  .record(Object.fromEntries(flags.map((name) => [name, fc.boolean()])), { requiredKeys: [] })
  .chain((some) =>
    fc.constantFrom<ValidationPipeOptions[]>(
      some,
      { ...some, groups: ['admins'] },
      { ...some, skipMissingProperties: true },
      { ...some, errorHttpStatusCode: 422 },
      { ...some, disableErrorMessages: true },
      { ...some, transformOptions: { enableImplicitConversion: true } },
    ),
  );

const leaf = fc.oneof(
  fc.constantFrom('', 'x', 'xy', 'xyz1', 'a@b.de', ' a@b.de ', null, true, false, 0, 1, 2, 9, 10, 2.5, '4'),
  fc.string(),
  fc.integer(),
);
const field = fc.oneof(
  { arbitrary: leaf, weight: 6 },
  { arbitrary: fc.record({ text: leaf }), weight: 1 },
  { arbitrary: fc.array(leaf, { maxLength: 3 }), weight: 1 },
);
const names = ['text', 'a', 'b', 'c', 'd', 'e', 'own', 'more', 'constructor', 'toString', '__proto__'];
const some = fc.dictionary(fc.constantFrom(...names), field, { maxKeys: 6 });
const bodyLike = (valid: object): fc.Arbitrary<unknown> =>
  fc.oneof(
    { arbitrary: fc.constant(valid), weight: 2 },
    { arbitrary: some.map((more) => ({ ...more, ...valid })), weight: 3 },
    { arbitrary: some.map((more) => ({ ...valid, ...more })), weight: 3 },
    { arbitrary: fc.oneof(some, leaf, fc.array(field), fc.constant(undefined)), weight: 2 },
  );

/** What a pipe did: the value and what it is, or the refusal. */
async function outcomeOf(pipe: ValidationPipe, metatype: Type, given: unknown): Promise<unknown> {
  // As from the wire: own to this pipe, and it may have a `__proto__` of its own.
  const value: unknown = given === undefined ? undefined : JSON.parse(JSON.stringify(given));
  try {
    const result: unknown = await pipe.transform(value, { type: 'body', metatype, data: undefined });
    const isObject = typeof result === 'object' && result !== null;
    const prototype: unknown = isObject ? Object.getPrototypeOf(result) : undefined;
    return { result, prototype, same: result === value, keys: isObject ? Object.keys(result) : [], value };
  } catch (error) {
    const { name, message } = error as Error;
    return { name, message, response: (error as { response?: unknown }).response, value };
  }
}

describe('FrameValidationPipe', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it.each(classes.map(([metatype, valid]) => [metatype.name, metatype, valid] as const))(
    "does with %s whatever Nest's pipe does, whatever comes, under whatever options",
    async (_name, metatype, valid) => {
      await fc.assert(
        fc.asyncProperty(optionsOf, bodyLike(valid), async (options, given) => {
          const expected = await outcomeOf(new ValidationPipe(options), metatype, given);
          expect(await outcomeOf(new FrameValidationPipe(options), metatype, given)).toEqual(expected);
        }),
        { numRuns: RUNS },
      );
    },
  );

  it.each([
    ['one field', Text, { text: 'hi' }, { whitelist: true }],
    ['a field that has no rule', Text, { text: 'hi', more: 1 }, { whitelist: true }],
    ['an instance', Derived, { text: 'hi', e: 2 }, { transform: true }],
    ['many rules', Many, { text: 'hi', b: 'x', c: true, e: 4 }, {}],
  ])("accepts without Nest's pipe what is flat and valid: %s", async (_what, metatype, value, options) => {
    const nests = jest.spyOn(ValidationPipe.prototype, 'transform');
    await new FrameValidationPipe(options).transform(value, { type: 'body', metatype });
    expect(nests).not.toHaveBeenCalled();
  });

  it('asks an asynchronous rule once', async () => {
    asked = 0;
    await new FrameValidationPipe().transform({ a: 2 }, { type: 'body', metatype: Asynchronous });
    expect(asked).toBe(1);
  });

  it("leaves what is no class, or a custom decorator's, as it is", async () => {
    const pipe = new FrameValidationPipe({ whitelist: true });
    const value = { text: 1 };
    expect(await pipe.transform(value, { type: 'body', metatype: Object })).toBe(value);
    expect(await pipe.transform(value, { type: 'custom', metatype: Text })).toBe(value);
    expect(await pipe.transform(value, { type: 'body' })).toBe(value);
  });
});
