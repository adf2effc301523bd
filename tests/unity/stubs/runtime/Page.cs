using System;

/// <summary>
/// Where a signature is documented: a name of the base address (stub_pages.py) and the page under it. Of an enumeration
/// the page stands for its values too.
/// </summary>
[AttributeUsage(AttributeTargets.All, Inherited = false)]
public sealed class PageAttribute : Attribute
{
    public PageAttribute(string place, string page)
    {
        Place = place;
        Page = page;
    }

    public string Place { get; }
    public string Page { get; }
}
