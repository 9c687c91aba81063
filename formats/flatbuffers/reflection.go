// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"slices"
	"strings"
	"sync"
)

// reflection returns the schema of compiled schemas, as far as this package reads them. They
// are records too, and are verified like any other before they are read.
func reflection() *schema {
	return &schema{
		root: "Schema", identifier: "BFBS",
		types: map[string]*definition{
			"Schema": tableOf("Schema", "objects:[Object]!", "enums:[Enum]!", "file_ident:string",
				"file_ext:string", "root_table:Object"),
			"Object": tableOf("Object", "name:string!", "fields:[Field]!", "is_struct:bool",
				"minalign:int", "bytesize:int"),
			"Field": tableOf("Field", "name:string!", "type:Type!", "id:ushort", "offset:ushort",
				"default_integer:long",
				"default_real:double", "deprecated:bool", "required:bool", "key:bool",
				"attributes:[KeyValue]",
				"documentation:[string]", "optional:bool", "padding:ushort", "offset64:bool"),
			"Type": tableOf("Type", "base_type:byte", "element:byte", "index:int",
				"fixed_length:ushort"),
			"KeyValue": tableOf("KeyValue", "key:string!", "value:string"),
			"Enum":     tableOf("Enum", "name:string!", "values:[EnumVal]!", "is_union:bool"),
			"EnumVal": tableOf("EnumVal", "name:string!", "value:long", "object:Object",
				"union_type:Type"),
		},
	}
}

// The slots of the fields that this package reads.
const (
	schemaObjects, schemaEnums, schemaIdentifier                                    = 0, 1, 2
	objectName, objectFields, objectIsStruct, objectAlign, objectSize               = 0, 1, 2, 3, 4
	fieldName, fieldTypeOf, fieldOffset, fieldDefault, fieldDefaultReal             = 0, 1, 3, 4, 5
	fieldDeprecated, fieldRequired, fieldAttributes, fieldOptional, fieldIsOffset64 = 6, 7, 9, 11,
		13
	typeBase, typeElement, typeIndex, typeLength = 0, 1, 2, 3
	attributeKey, attributeValue                 = 0, 1
	enumName, enumValues, enumIsUnion            = 0, 1, 2
	valueName, valueNumber, valueUnionType       = 0, 1, 3
	schemaRoot                                   = 4
)

// tableOf makes a table of fields that are written as in a schema. An exclamation mark means
// required.
func tableOf(name string, fields ...string) *definition {
	d := &definition{kind: tableDef, name: name}
	for i, text := range fields {
		text, required := strings.CutSuffix(text, "!")
		name, typ, _ := strings.Cut(text, ":")
		d.fields = append(d.fields,
			field{name: name, offset: uint16(2*i + 4), typ: typeOf(typ), required: required})
	}
	return d
}

func typeOf(text string) fieldType {
	if inner, ok := strings.CutPrefix(text, "["); ok {
		t := typeOf(strings.TrimSuffix(inner, "]"))
		return fieldType{base: vectorType, element: t.base, def: t.def}
	}
	if i := slices.Index(baseNames[:], text); i >= 0 {
		return fieldType{base: baseType(i)}
	}
	return fieldType{base: objectType, def: text}
}

var reflectionProgram = sync.OnceValues(func() (*program, error) { return reflection().compile() })
