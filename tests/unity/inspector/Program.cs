// Reads compiled assemblies and says which members of the stubs nobody uses, and which name no page.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Reflection.Emit;

static class Program
{
    const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static
        | BindingFlags.DeclaredOnly;

    static readonly Dictionary<short, OpCode> Codes = typeof(OpCodes).GetFields().Select(field => (OpCode)field.GetValue(null))
        .ToDictionary(code => code.Value);
    static readonly HashSet<string> Used = new HashSet<string>();
    static HashSet<Assembly> stubs;

    /// <param name="arguments">Assemblies of stubs, a dash, assemblies that use them.</param>
    static void Main(string[] arguments)
    {
        stubs = new HashSet<Assembly>(arguments.TakeWhile(path => path != "-").Select(Assembly.LoadFrom));
        foreach (string path in arguments.SkipWhile(path => path != "-").Skip(1))
            foreach (Type type in Assembly.LoadFrom(path).GetTypes())
                ReadUser(type);
        foreach (Type type in stubs.SelectMany(assembly => assembly.GetTypes()).Where(type => type.IsVisible))
            if (type.Name != "PageAttribute")
                Report(type);
    }

    static void ReadUser(Type type)
    {
        ReadAttributes(type);
        for (Type parent = type.BaseType; parent != null; parent = parent.BaseType)
            Use(parent);
        foreach (Type contract in type.IsInterface ? Type.EmptyTypes : type.GetInterfaces())
        {
            Use(contract);
            if (IsStub(contract))
                foreach (MethodInfo method in contract.GetMethods())
                    Use(method);
        }
        foreach (FieldInfo field in type.GetFields(All))
        {
            ReadAttributes(field);
            Use(field.FieldType);
        }
        foreach (MethodBase method in type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All)))
        {
            ReadAttributes(method);
            if (method is MethodInfo named && named.IsVirtual)
                Use(named.GetBaseDefinition());
            Signature(method);
            if (method.GetMethodBody() != null)
                ReadBody(method);
        }
    }

    static void ReadAttributes(MemberInfo member)
    {
        foreach (CustomAttributeData attribute in CustomAttributeData.GetCustomAttributes(member))
            Use(attribute.Constructor);
    }

    static void ReadBody(MethodBase method)
    {
        MethodBody body = method.GetMethodBody();
        foreach (LocalVariableInfo local in body.LocalVariables)
            Use(local.LocalType);
        byte[] code = body.GetILAsByteArray();
        Type[] ofType = method.DeclaringType.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        Type[] ofMethod = method.IsGenericMethod ? method.GetGenericArguments() : null;
        for (int place = 0; place < code.Length;)
        {
            short value = code[place++];
            if (value == 0xFE)
                value = (short)(0xFE00 | code[place++]);
            OpCode operation = Codes[value];
            switch (operation.OperandType)
            {
                case OperandType.InlineField:
                case OperandType.InlineMethod:
                case OperandType.InlineType:
                case OperandType.InlineTok:
                    Use(method.Module.ResolveMember(BitConverter.ToInt32(code, place), ofType, ofMethod));
                    break;
                case OperandType.InlineSwitch:
                    place += 4 * BitConverter.ToInt32(code, place);
                    break;
            }
            place += Size(operation.OperandType);
        }
    }

    static int Size(OperandType type)
    {
        switch (type)
        {
            case OperandType.InlineNone:
                return 0;
            case OperandType.ShortInlineBrTarget:
            case OperandType.ShortInlineI:
            case OperandType.ShortInlineVar:
                return 1;
            case OperandType.InlineVar:
                return 2;
            case OperandType.InlineI8:
            case OperandType.InlineR:
                return 8;
            default:
                return 4;
        }
    }

    static void Use(MemberInfo member)
    {
        if (member is Type type)
        {
            Use(type);
            return;
        }
        Use(member.DeclaringType);
        if (member is FieldInfo field)
            Use(field.FieldType);
        if (member is MethodBase method)
        {
            Signature(method);
            if (method.IsGenericMethod)
                foreach (Type argument in method.GetGenericArguments())
                    Use(argument);
        }
        if (IsStub(member.DeclaringType))
            Used.Add(Key(member));
    }

    static void Signature(MethodBase method)
    {
        foreach (ParameterInfo parameter in method.GetParameters())
            Use(parameter.ParameterType);
        if (method is MethodInfo named)
            Use(named.ReturnType);
    }

    /// <summary>A type, those it is made of, and those it comes from.</summary>
    static void Use(Type type)
    {
        if (type == null || type.IsGenericParameter)
            return;
        if (type.HasElementType)
        {
            Use(type.GetElementType());
            return;
        }
        if (type.IsGenericType)
            foreach (Type argument in type.GetGenericArguments())
                Use(argument);
        if (!IsStub(type) || !Used.Add(Key(type)))
            return;
        Use(type.BaseType);
        Use(type.DeclaringType);
    }

    static bool IsStub(Type type) => type != null && stubs.Contains(type.Assembly);

    /// <summary>The same of a generic member and of what is made of it.</summary>
    static string Key(MemberInfo member) => member.Module.Name + ":" + member.MetadataToken;

    static void Report(Type type)
    {
        // The values of an enumeration are numbers by now: the sources say which of them are used.
        if (!type.IsEnum && !Used.Contains(Key(type)))
            Console.WriteLine("unused " + type.FullName);
        if (!HasPage(type))
            Console.WriteLine("undocumented " + type.FullName);
        if (type.IsEnum)
        {
            foreach (string name in Enum.GetNames(type))
                Console.WriteLine("value " + type.Name + "." + name);
            return;
        }
        foreach (MemberInfo member in type.GetMembers(All))
            Report(type, member);
    }

    static void Report(Type type, MemberInfo member)
    {
        bool hidden = member is Type || member is FieldInfo field && field.IsPrivate
            || member is MethodBase method && (method.IsPrivate || method.IsAssembly || IsAccessor(method) || IsInherited(method));
        if (hidden)
            return;
        if (!HasPage(member))
            Console.WriteLine("undocumented " + type.FullName + " " + member);
        if (!Parts(member).Any(part => Used.Contains(Key(part))))
            Console.WriteLine("unused " + type.FullName + " " + member);
    }

    /// <summary>What a property or an event consists of: both halves are declared where access to one is narrower.</summary>
    static IEnumerable<MemberInfo> Parts(MemberInfo member)
    {
        if (member is PropertyInfo property)
            return property.GetAccessors(true);
        return member is EventInfo occasion ? new MemberInfo[] { occasion.GetAddMethod() } : new[] { member };
    }

    static bool IsAccessor(MethodBase method)
    {
        return method.IsSpecialName && !method.IsConstructor && !method.Name.StartsWith("op_", StringComparison.Ordinal);
    }

    /// <summary>What every object has, the constructor that every class has, and what the language calls by itself.</summary>
    static bool IsInherited(MethodBase method)
    {
        if (method is ConstructorInfo)
            return method.GetParameters().Length == 0 && !HasPage(method);
        return ((MethodInfo)method).GetBaseDefinition().DeclaringType == typeof(object)
            || method.Name == "Dispose" && typeof(IDisposable).IsAssignableFrom(method.DeclaringType);
    }

    static bool HasPage(MemberInfo member)
    {
        return CustomAttributeData.GetCustomAttributes(member).Any(attribute => attribute.Constructor.DeclaringType.Name == "PageAttribute");
    }
}
