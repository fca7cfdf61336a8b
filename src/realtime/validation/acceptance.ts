import type { MetadataStorage, ValidationArguments } from 'class-validator';

type Validators = Pick<MetadataStorage, 'getTargetValidationMetadatas' | 'getTargetValidatorConstraints'>;
type Metadata = ReturnType<Validators['getTargetValidationMetadatas']>[number];
/** A class whose rules are asked for. */
export type RuledClass = new () => object;

type Body = Readonly<Record<string, unknown>>;

/** What the pipe makes of a value that it accepts. */
export interface AcceptanceOptions {
  /** Fields without a rule are left out (`true`), are somebody else's to judge (`refuse`), or stay. */
  readonly unknownFields: 'drop' | 'refuse' | 'keep';
  /** `instance`: of the class; `plain`: its fields, copied; `value`: what came. */
  readonly result: 'instance' | 'plain' | 'value';
}

interface Rule {
  readonly validate: (value: unknown, args: object) => unknown;
  readonly constraints: unknown[];
  readonly validateIf: ((object: object, value: unknown) => boolean) | undefined;
}

interface Field {
  readonly name: string;
  readonly conditions: readonly ((object: object, value: unknown) => boolean)[];
  readonly rules: readonly Rule[];
}

const CUSTOM = 'customValidation';
const CONDITIONAL = 'conditionalValidation';
const WHITELIST = 'whitelistValidation';
/** Where class-transformer keeps what its decorators said. */
const TRANSFORMER_MAPS = ['_typeMetadatas', '_transformMetadatas', '_exposeMetadatas', '_excludeMetadatas'] as const;

/**
 * The rules of one class, looked up once. Says yes to a flat value that satisfies them; of everything else it says
 * nothing, so that whoever knows all rules and all messages decides.
 */
export class Acceptance {
  private readonly known: ReadonlySet<string>;

  private constructor(
    private readonly metatype: RuledClass,
    private readonly fields: readonly Field[],
    private readonly options: AcceptanceOptions,
  ) {
    this.known = new Set(fields.map(({ name }) => name));
  }

  /** @returns undefined where the class has rules that can't be judged here: nested, asynchronous, transformed. */
  static of(
    metatype: RuledClass,
    validators: Validators,
    transformer: object,
    options: AcceptanceOptions,
  ): Acceptance | undefined {
    if (isTransformed(metatype, transformer)) return undefined;
    const fields = fieldsOf(metatype, validators);
    return fields && fields.length > 0 ? new Acceptance(metatype, fields, options) : undefined;
  }

  /** @returns what the pipe returns for the value; `undefined`: it has to be asked. */
  accept(value: unknown): object | undefined {
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
      return undefined;
    const instance = this.instanceOf(value as Body);
    if (!instance || !this.fields.every((field) => this.satisfies(instance, field))) return undefined;
    if (this.options.result === 'value') return value;
    return this.options.result === 'instance' ? instance : { ...instance };
  }

  private instanceOf(value: Body): Body | undefined {
    const instance = new this.metatype() as Record<string, unknown>;
    const drops = this.options.unknownFields;
    for (const own of Object.keys(instance)) {
      // Fields that the class declares and has no rule for go by the same law; deleting one is for the pipe.
      if (!isFlat(instance[own]) || (drops !== 'keep' && !this.known.has(own))) return undefined;
    }
    for (const name of Object.keys(value)) {
      const given = value[name];
      if (!isFlat(given) || name === '__proto__' || (name in instance && !Object.hasOwn(instance, name)))
        return undefined;
      if (drops === 'keep' || this.known.has(name)) instance[name] = given;
      else if (drops === 'refuse') return undefined;
    }
    return instance;
  }

  private satisfies(object: Body, { name, conditions, rules }: Field): boolean {
    const value = object[name];
    for (const condition of conditions) if (!condition(object, value)) return true;
    for (const { validate, constraints, validateIf } of rules) {
      if (validateIf && !validateIf(object, value)) continue;
      const args = { targetName: this.metatype.name, property: name, object, value, constraints };
      if (validate(value, args) !== true) return false;
    }
    return true;
  }
}

function fieldsOf(metatype: RuledClass, validators: Validators): Field[] | undefined {
  const byName = new Map<string, Metadata[]>();
  for (const metadata of validators.getTargetValidationMetadatas(metatype, '', false, false)) {
    const { type, propertyName } = metadata;
    if (type !== CUSTOM && type !== CONDITIONAL && type !== WHITELIST) return undefined;
    byName.set(propertyName, [...(byName.get(propertyName) ?? []), metadata]);
  }
  const fields: Field[] = [];
  for (const [name, metadatas] of byName) {
    const rules = rulesOf(metadatas, validators);
    if (!rules) return undefined;
    const conditions = metadatas.filter(({ type }) => type === CONDITIONAL);
    fields.push({
      name,
      rules,
      conditions: conditions.map(({ constraints }) => constraints[0] as Field['conditions'][0]),
    });
  }
  return fields;
}

function rulesOf(metadatas: readonly Metadata[], validators: Validators): Rule[] | undefined {
  const rules: Rule[] = [];
  for (const { constraintCls, constraints, validateIf, type } of metadatas) {
    if (type !== CUSTOM) continue;
    for (const { async, instance } of validators.getTargetValidatorConstraints(constraintCls)) {
      if (async) return undefined;
      rules.push({
        validate: (value, args) => instance.validate(value, args as ValidationArguments),
        constraints,
        validateIf,
      });
    }
  }
  return rules;
}

/** Whether class-transformer would make something else of a field. What can't be looked up counts as transformed. */
function isTransformed(metatype: RuledClass, transformer: object): boolean {
  for (let at: unknown = metatype; typeof at === 'function'; at = Object.getPrototypeOf(at)) {
    for (const name of TRANSFORMER_MAPS) {
      const map: unknown = Reflect.get(transformer, name);
      if (!(map instanceof Map) || map.has(at)) return true;
    }
  }
  return false;
}

function isFlat(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function');
}
